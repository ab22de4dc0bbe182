"""A clock that jumps: who a visitor is, and what becomes of their events.

That log time never runs backwards is proven in tests/eventlog; that a client's wrong clock
is corrected, in tests/gateway and tests/enrich.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import control
from control import Control
from footfall import record
from footfall.event import Batch, Event
from footfall.generations import one_generation
from footfall.names import Source
from footfall.record import Record
from footfall.sites import Site
from ingest_gateway.address import AddressResolver, parse_networks
from ingest_gateway.answers import RefusedError
from ingest_gateway.client import Client
from ingest_gateway.directory import Directory
from ingest_gateway.parse import Parsed
from ingest_gateway.records import DAY_MS, Sender, build
from tests.flows.making import MINUTE, T0, Partition, event, stored
from tests.flows.making import record as log_record

MIDNIGHT = (T0 // DAY_MS + 1) * DAY_MS
ADDRESS = AddressResolver(parse_networks(""))
HOUR = 60 * MINUTE


class Gateway:
    """The gateway's view of the world, with a clock the test sets."""

    def __init__(self, plane: Control) -> None:
        self.now = MIDNIGHT - HOUR // 2
        self._directory = Directory(plane, {"prod": 8}, 1000.0, lambda: self.now)
        self._memo: dict[int, tuple[int, int, int]] = {}  # kept with the client, as the gateway does

    def visit(self, now: int, *, refreshed: bool = True) -> Record:
        """The record of somebody without consent, at that time."""
        self.now = now
        if refreshed:
            self._directory.refresh()
        client = Client(ADDRESS.resolve("198.51.100.23:5", "", ""), "Firefox")
        secret, salts = self._directory.secrets["prod"], self._directory.view.salts
        sender = Sender(
            Site(site_id="shop"), Source.BROWSER, client, secret, salts, one_generation(8), now, self._memo
        )
        built = build(sender, Parsed(Batch(events=[Event(name="a")]), []), b"body")
        return record.decode(built.records[0][1])


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    yield Gateway(plane)
    plane.close()


def test_back_and_forth_over_midnight_gives_the_same_two_ids(gateway: Gateway) -> None:
    before = gateway.visit(MIDNIGHT - MINUTE)
    after = gateway.visit(MIDNIGHT + MINUTE)
    assert after.previous_visitor_id == before.visitor_id != after.visitor_id
    for jump in (-MINUTE, MINUTE, -20 * HOUR, HOUR, -HOUR // 2):
        wanted = before if jump < 0 else after
        assert gateway.visit(MIDNIGHT + jump).visitor_id == wanted.visitor_id
        assert gateway.visit(MIDNIGHT + jump, refreshed=False).visitor_id == wanted.visitor_id


def test_a_jump_of_days_is_refused_until_there_is_a_salt_and_then_goes_on(gateway: Gateway) -> None:
    gateway.visit(MIDNIGHT - MINUTE)
    for now in (MIDNIGHT + 40 * DAY_MS, MIDNIGHT - MINUTE, MIDNIGHT - 40 * DAY_MS):
        with pytest.raises(RefusedError) as refused:
            gateway.visit(now, refreshed=False)
        assert refused.value.status == 503
        made = gateway.visit(now)
        assert made.visitor_id
        assert made.received_at == now
        assert gateway.visit(now + 1).visitor_id == made.visitor_id


def test_after_a_jump_ahead_events_are_late_and_none_is_lost() -> None:
    """Log time stands still until the clock has caught up: repair counts what comes meanwhile."""
    partition = Partition()
    assert stored(partition.send(T0, log_record(1, T0, [event(1, T0)]))) == 1
    partition.heartbeat(T0 + 2 * HOUR)  # the clock was two hours ahead for one heartbeat
    for number in range(2, 60):
        at = T0 + number * MINUTE
        out = partition.send(T0 + 2 * HOUR, log_record(number, at, [event(number, at)]))
        assert (stored(out), out.admitted[0].late, out.sessions) == (1, [True], [])
    at = T0 + 2 * HOUR + MINUTE
    assert partition.send(at, log_record(99, at, [event(99, at)])).admitted[0].late is None
    assert partition.count("duplicate", "batch") + partition.count("duplicate", "event") == 0


def test_a_batch_is_known_again_whichever_way_the_gateways_clock_went() -> None:
    partition = Partition()
    ahead, back = T0 + 2 * HOUR, T0 + HOUR
    assert stored(partition.send(T0, log_record(1, T0, [event(1, T0)]))) == 1
    first = log_record(2, ahead, [event(2, ahead)])
    assert stored(partition.send(ahead, first)) == 1
    again = log_record(2, back, [event(2, back)])
    again.batch_id = first.batch_id
    assert stored(partition.send(ahead, again)) == 0  # the log holds its time
