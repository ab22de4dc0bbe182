"""What the flow makes of records out of the raw archive, and what it puts there."""

from __future__ import annotations

import msgspec
import pytest

from eventlog.protocol import LogRecord
from flows.enriching import enrich_chunk
from flows.items import PartitionKey, RawChunk
from flows.partition import PartitionPolicy
from footfall.enrich.batch import Geo
from footfall.enrich.context import Context
from footfall.names import IdKind
from footfall.record import Record, Replay, decode, encode
from footfall.sites import Site
from tests.flows.making import GOALS, MINUTE, POLICY, SITE, T0, Partition, event, record, stored

ARCHIVING = msgspec.structs.replace(POLICY, archive=True)
LATER = T0 + 600 * MINUTE


class Places:
    def find(self, address: str) -> Geo:
        return Geo("FR", "Paris", "Paris")


def replay_of(made: Record, **overlay: object) -> Record:
    values = {"number": 1, "partition": 0, "offset": 5, "geo": ("DE", "Berlin", "Berlin"), "bot": "crawler"}
    return msgspec.structs.replace(made, replay=Replay(**{**values, **overlay}))  # type: ignore[arg-type]


def test_a_replayed_record_counts_as_nothing_but_replayed() -> None:
    partition = Partition()
    made = record(1, T0, [event(1, T0), event(2, T0)], rejected={"malformed": 3})
    partition.send(T0, made)
    partition.heartbeat(T0 + MINUTE)
    before = dict(partition.counts)
    out = partition.send(T0 + MINUTE, replay_of(made))
    assert partition.counts == before  # the store tells later that it was stored
    (item,) = out.admitted
    assert (stored(out), item.late, item.visitor_id) == (2, [True, True], 7)
    assert out.sessions == []


def test_geo_and_bot_are_kept_unless_they_are_to_be_redone() -> None:
    made = record(1, T0, [event(1, T0)], address="192.0.2.0")
    context = Context(geo=Places())
    for overlay, geo, bot in (
        ({}, Geo("DE", "Berlin", "Berlin"), "crawler"),
        ({"geo": None, "bot": None}, Geo("FR", "Paris", "Paris"), ""),
        ({"geo": ("", "", ""), "bot": ""}, Geo(), ""),
    ):
        chunk = RawChunk(PartitionKey("prod", 0), [raw_of(replay_of(made, **overlay))])
        (found,) = enrich_chunk(chunk, {"shop": SITE}.get, context).records
        assert found.batch is not None
        assert (found.batch.geo, found.batch.bot) == (geo, bot)


def raw_of(made: Record) -> LogRecord:
    return LogRecord(0, 9, LATER, encode(made))


def test_what_was_left_out_stays_out() -> None:
    partition = Partition()
    made = replay_of(record(1, T0, [event(n, T0 + n) for n in range(4)]), left_out=[0, 2])
    (item,) = partition.send(LATER, made).admitted
    assert list(item.batch.index) == [1, 3]
    assert [one.event_id for one in item.batch.events] == [made.events[n].event_id for n in (1, 3)]


def test_what_is_dropped_now_is_withdrawn() -> None:
    excluding = Site(site_id="shop", domains=("shop.example.com",), goals=GOALS, excluded_paths=("/private/**",))
    partition = Partition(site=excluding)
    events = [event(n, T0 + n, path=path) for n, path in enumerate(("/", "/private/a", "/b", "/private/c"))]
    events[1].title = "a title"
    out = partition.send(LATER, replay_of(record(1, T0 + 5, events), left_out=[3]))
    kept, gone = out.admitted
    assert (list(kept.batch.index), kept.batch.withdrawn) == ([0, 2], False)
    assert (list(gone.batch.index), gone.batch.withdrawn, gone.late) == ([1], True, [True])
    assert (gone.batch.ids, gone.batch.occurred, gone.visitor_id) == ([events[1].event_id], [T0 + 1], 7)
    assert gone.batch.events[0].title == ""
    assert (partition.count("replayed", "excluded"), partition.count("dropped", "excluded")) == (1, 0)


def test_what_fails_now_goes_into_quarantine_as_a_record_of_its_own() -> None:
    partition = Partition(site=None)
    out = partition.send(LATER, replay_of(record(1, T0, [event(1, T0)])))
    ((_, _, item),) = out.quarantined
    assert decode(item.payload).replay is None
    assert partition.count("replayed", "unknown_site") == 1
    assert partition.count("quarantined", "unknown_site") == 0


def archived(policy: PartitionPolicy, *records: Record) -> list[tuple[int, int, list[int]]]:
    partition = Partition(policy)
    found = [entry for made in records for entry in partition.send(made.received_at, made).archived]
    for entry in found:
        assert entry.raw == encode(records[entry.offset])
    return [(entry.offset, entry.visitor_id, entry.left_out) for entry in found]


def test_nothing_is_archived_unless_asked_for() -> None:
    assert archived(POLICY, record(1, T0, [event(1, T0)])) == []


def test_duplicates_are_left_out_of_the_archive() -> None:
    first = record(1, T0, [event(1, T0), event(2, T0)])
    second = record(2, T0 + 1, [event(2, T0), event(3, T0)])
    third = record(3, T0 + 2, [event(1, T0), event(3, T0)])
    assert archived(ARCHIVING, first, second, first, third) == [(0, 7, []), (1, 7, [0])]


def test_what_a_rule_drops_is_archived_with_the_visitor_it_would_have_had() -> None:
    """After midnight, while yesterday's visit goes on."""
    seen = record(1, T0, [event(1, T0)], id_kind=IdKind.DAILY)
    at = T0 + MINUTE
    foreign = event(2, at)
    foreign.url = "https://copy.example.org/"
    dropped = record(2, at, [foreign], visitor=8, previous_visitor_id=7, id_kind=IdKind.DAILY)
    later = T0 + 2 * MINUTE
    alone = record(3, later, [event(3, later)], visitor=8, id_kind=IdKind.DAILY)
    # The third would have had 7 if looking had been remembered: what is dropped changes nothing.
    assert archived(ARCHIVING, seen, dropped, alone) == [(0, 7, []), (1, 7, []), (2, 8, [])]


def test_replays_and_what_nobody_knows_are_not_archived() -> None:
    assert archived(ARCHIVING, replay_of(record(1, T0, [event(1, T0)]))) == []
    partition = Partition(ARCHIVING, site=None)
    assert partition.send(T0, record(1, T0, [event(1, T0)]), b"\x09junk").archived == []


@pytest.mark.parametrize("left_out", [[], [0], [2, 300]])
def test_the_overlay_survives_the_log(left_out: list[int]) -> None:
    made = replay_of(record(1, T0, [event(1, T0)]), left_out=left_out)
    assert decode(encode(made)) == made
