"""Bounded memory over unbounded visitors: a flow's state follows who is here, not who ever was."""

from __future__ import annotations

import sys

from flows.items import EnrichedChunk, EnrichedRecord
from flows.partition import PartitionLogic, PartitionPolicy
from footfall.duplicates import GENERATIONS
from footfall.enrich.batch import INTERNAL, EnrichedBatch, Page
from footfall.ids import uuid7
from footfall.live import LiveShard
from footfall.names import Consent, IdKind
from footfall.record import LogEvent, Record
from footfall.sessions import Policy
from footfall.sites import Site, Window
from tests.flows.making import KEY, T0

VISITORS = 40_000  # thirteen minutes, eleven times as long as a session stays open
EVERY_MS = 20  # a new visitor, who never comes again
WINDOW_MS = 60_000
LATENESS_MS = 10_000
HORIZON_MS = 120_000
SITE = Site(site_id="shop", domains=("shop.example.com",), windows=(Window(valid_from=0, window_ms=WINDOW_MS),))
POLICY = PartitionPolicy(
    sessions=Policy(lateness_ms=LATENESS_MS), duplicate_horizon_ms=HORIZON_MS, quarantine_per_site_per_day=3
)
# Everybody who came within window and lateness has an open session; sessions close when a chunk ends.
CHUNK = 500
HERE = (WINDOW_MS + LATENESS_MS) // EVERY_MS + CHUNK + 1


def enriched(number: int) -> EnrichedRecord:
    """One page view of a visitor of its own; across midnight ids, so that aliases are made too."""
    at = T0 + number * EVERY_MS
    event = LogEvent("page_view", uuid7(at, number.to_bytes(10, "big")), at)
    record = Record(
        site_id="shop", batch_id=event.event_id, received_at=at, visitor_id=number + 1, events=[event],
        previous_visitor_id=number if number % 2 else 0, id_kind=IdKind.DAILY, consent=Consent.NONE,
    )  # fmt: skip
    batch = EnrichedBatch(record, SITE)
    batch.occurred, batch.pages, batch.traffic = [at], [Page("shop.example.com", f"/{number % 997}")], [INTERNAL]
    batch.goals = [()]
    return EnrichedRecord(number, at, "shop", batch, batch_key=number + 1, accepted=1)


def test_state_follows_the_visitors_of_a_window() -> None:
    logic = PartitionLogic(KEY, POLICY, lambda *_: (), None)
    live = LiveShard(0)
    closed, open_most, batches_most, bytes_most, live_most = 0, 0, 0, 0, 0
    for first in range(0, VISITORS, CHUNK):
        out = logic.admit(EnrichedChunk(KEY, [enriched(number) for number in range(first, first + CHUNK)]))
        for item in out.admitted:
            live.absorb(item.batch, item.visitor_id, item.log_time, item.places)
        live.take()
        closed += sum(row.is_closed and not row.is_deleted for row in out.sessions)
        open_most = max(open_most, len(logic.sessions))
        batches_most = max(batches_most, len(logic._batches))
        bytes_most = max(bytes_most, logic.sessions.cold_bytes)
        if first % (VISITORS // 10) == 0:
            live_most = max(live_most, len(live.snapshot()))
    assert closed + len(logic.sessions) == VISITORS // 2, (
        "each second one goes on with the visit of the one before"
    )
    assert logic.sessions.visitors <= open_most <= HERE
    assert logic.sessions.hot_visitors <= 1024
    assert 0 < bytes_most < HERE * 1024, "1 KiB an open session"
    assert batches_most <= (HORIZON_MS // EVERY_MS) * (GENERATIONS + 2) // GENERATIONS
    assert logic.sessions.aliases <= HERE
    assert live_most < 300_000 / EVERY_MS * 32, "visitors of five minutes, 16 bytes each"
    state = logic.snapshot()
    assert sum(map(sys.getsizeof, state.sessions)) < HERE * 64
