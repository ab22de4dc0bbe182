"""The sessioniser alone: speed against Bytewax's own session windows, and memory.

    python -m bench.sessioniser [--rounds 3]

CPU seconds of one process, median of the rounds. Both sides get the same records in the
same order, one worker, and must find the same sessions. Bytewax's windows are fed live:
times lie ahead of the wall clock and ascend, event by event as they occur (its figure
for the shard's own order, a record at a time, is printed too), so that nothing is late
and no timer fires early. The shard gets enriched records, as in a flow. The window tells
of a session once, when it closes, and folds five numbers; so the shard is compared while
it writes closed rows only (whole ones). What it takes when it writes open rows too, as it
does in a flow, is printed beside it. Exit code 1 where a figure misses its bar.
Recovery points are measured in a real flow by bench.session_stall.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple

import psutil

from footfall.enrich.batch import INTERNAL, Device, EnrichedBatch, Geo, Page, Traffic
from footfall.ids import uuid7
from footfall.record import LogEvent, Record
from footfall.sessions import Fact, Policy, SessionRow, SessionShard, Who, facts_of
from footfall.sites import Site

SITE = Site(site_id="shop")
WHO = Who(
    site_id="shop",
    device=Device(type="desktop", browser="Chrome", os="Windows"),
    geo=Geo("DE", "BE", "Berlin"),
    language="de-DE",
)
SEARCH = Traffic(channel="Organic Search", referrer_host="google.com", referrer="google.com/")
NAMES = ("page_view", "scroll", "click", "web_vital", "page_leave")
MINUTE = 60_000
FAR = 10 * 24 * 60 * MINUTE

Session = tuple[int, int, int, int, int, int]  # visitor, start, end, events, page views, engaged


class Visit(NamedTuple):
    """One record: a visitor's next events. Times in ms from the start of the bench."""

    visitor_id: int
    times: tuple[int, ...]
    first: bool  # of its visitor: comes from a search engine
    log_time: int


def records(visitors: int, events: int, per_record: int, seed: int = 7) -> list[Visit]:
    """Records in the order of the log; one visitor in ten comes again after the window."""
    chance = random.Random(seed)
    made = []
    for _ in range(visitors):
        visitor_id = chance.getrandbits(64)
        at = chance.randrange(10 * MINUTE)
        times = []
        pause = chance.randrange(events // visitors) if chance.random() < 0.1 else -1
        for number in range(events // visitors):
            at += 45 * MINUTE if number == pause else chance.randrange(1, 15_000)
            times.append(at)
        for place in range(0, len(times), per_record):
            part = tuple(times[place : place + per_record])
            if part[-1] - part[0] > 8 * MINUTE:  # a visit ended: the SDK sends what it has
                cut = next(n for n in range(1, len(part)) if part[n] - part[n - 1] > 30 * MINUTE)
                made.append(Visit(visitor_id, part[:cut], place == 0, part[cut - 1] + 900))
                part = part[cut:]
            made.append(Visit(visitor_id, part, place == 0, part[-1] + 900))
    return sorted(made, key=lambda visit: visit.log_time)


def batch_of(visit: Visit, base: int, chance: random.Random) -> EnrichedBatch:
    """What enrichment makes of the record: new strings and ids, as decoding makes them."""
    events, pages, traffic = [], [], []
    for number, at in enumerate(visit.times):
        name = NAMES[number % 3 if number % 15 else 0]
        events.append(
            LogEvent(
                name=name.encode().decode(),
                event_id=uuid7(base + at, chance.randbytes(10)),
                engaged_ms=1200 if name == "scroll" else 0,
            )
        )
        pages.append(Page("shop.example.com", f"/category/product-{at % 500}"))
        traffic.append(SEARCH if visit.first and not number else INTERNAL)
    batch = EnrichedBatch(Record(site_id="shop", visitor_id=visit.visitor_id, events=events), SITE)
    batch.occurred = [base + at for at in visit.times]
    batch.pages, batch.traffic, batch.goals = pages, traffic, [()] * len(events)
    return batch


CLOSED_ONLY = Policy(open_row_first_ms=FAR)


def run_shard(visits: list[Visit], base: int, policy: Policy, chunk: int = 20) -> tuple[float, list[Session]]:
    """CPU seconds to fold all records, and the closed sessions."""
    chance = random.Random(1)
    shard = SessionShard(policy)
    spent = 0.0
    sessions: list[Session] = []
    for place in range(0, len(visits), chunk):
        part = visits[place : place + chunk]
        batches = [batch_of(visit, base, chance) for visit in part]
        start = time.process_time()
        rows = []
        for visit, batch in zip(part, batches, strict=True):
            log_time = base + visit.log_time
            shard.absorb_batch(batch, visit.visitor_id, log_time)
            rows += shard.advance(log_time)
        spent += time.process_time() - start
        sessions += closed(rows)
    start = time.process_time()
    rows = shard.advance(base + FAR)
    spent += time.process_time() - start
    return spent, sorted(sessions + closed(rows))


def closed(rows: list[SessionRow]) -> list[Session]:
    """What both sides know of the closed sessions."""
    return [
        (row.visitor_id, row.start_at, row.end_at, row.events, row.page_views, row.engaged_ms)
        for row in rows
        if row.is_closed
    ]


Item = tuple[str, tuple[datetime, int, str, int]]
Folded = list[Any]


def items_of(visits: Iterable[Visit], base: int) -> Iterator[Item]:
    """The same events for Bytewax: keyed, one item each, in the same order."""
    chance = random.Random(1)
    for visit in visits:
        key = str(visit.visitor_id)
        for fact in facts_of(batch_of(visit, base, chance)):
            at = datetime.fromtimestamp(fact.occurred_at / 1000, UTC)
            yield key, (at, fact.occurred_at, fact.name, fact.engaged_ms)


def fold(total: Folded, event: tuple[datetime, int, str, int]) -> Folded:
    """Start, end, events, page views, engaged: far less than a session row holds."""
    _, at, name, engaged = event
    total[0] = min(total[0], at)
    total[1] = max(total[1], at)
    total[2] += 1
    total[3] += name == "page_view"
    total[4] += engaged
    return total


def join(one: Folded, other: Folded) -> Folded:
    """Two windows that became one."""
    return [
        min(one[0], other[0]),
        max(one[1], other[1]),
        *(a + b for a, b in zip(one[2:], other[2:], strict=True)),
    ]


def run_bytewax(items: list[Item]) -> tuple[float, list[Session]]:
    """Fold all items with `fold_window`; the sessions."""
    import bytewax.operators as op
    import bytewax.operators.windowing as win
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    out: list[tuple[str, tuple[int, Folded]]] = []
    clock: Any = win.EventClock(lambda event: event[0], wait_for_system_duration=timedelta(minutes=10))
    flow = Dataflow("windows")
    events = op.input("events", flow, TestingSource(items, batch_size=1000))
    windows = win.fold_window(
        "sessions",
        events,
        clock,
        win.SessionWindower(gap=timedelta(minutes=30)),
        lambda: [1 << 62, 0, 0, 0, 0],
        fold,
        join,
        ordered=False,  # the faster way; the fold does not mind
    )
    op.output("out", windows.down, TestingSink(out))
    start = time.process_time()
    run_main(flow)
    spent = time.process_time() - start
    return spent, sorted((int(key), *total) for key, (_, total) in out)


def against_bytewax(rounds: int) -> bool:
    """Same events, same sessions, how many times as fast."""
    visits = records(visitors=20_000, events=300_000, per_record=20)
    ours: list[float] = []
    with_open: list[float] = []
    live: list[float] = []
    grouped: list[float] = []
    total = sum(len(visit.times) for visit in visits)
    for _ in range(rounds):
        base = int(time.time() * 1000)
        found = []
        for policy, measured in ((CLOSED_ONLY, ours), (Policy(), with_open)):
            settle()
            spent, sessions = run_shard(visits, base, policy)
            measured.append(spent)
            found.append(sessions)
        items = list(items_of(visits, base))
        for measured in (grouped, live):
            settle()
            spent, sessions = run_bytewax(items)
            measured.append(spent)
            found.append(sessions)
            items.sort(key=lambda item: item[1][1])  # for the second: in the order of time
        if any(sessions != found[0] for sessions in found):
            print(f"sessions differ: {[len(sessions) for sessions in found]}")
            return False
    print(f"same {total:,} events, 20,000 visitors, {len(visits):,} records, {len(found[0]):,} equal sessions")
    for name, spent_s in (
        ("Bytewax, each event as it occurs", live),
        ("Bytewax, record by record", grouped),
        ("SessionShard, closed rows only", ours),
        ("SessionShard, open rows too", with_open),
    ):
        ratio = median(theirs / mine for theirs, mine in zip(live, spent_s, strict=True))
        speed = f"{total / median(spent_s):10,.0f} events/s {us(spent_s, total):6.2f} us/event"
        print(f"  {name:34}{speed} {ratio:6.1f}x")
    ratio = median(theirs / mine for theirs, mine in zip(live, ours, strict=True))
    print(f"  ratio {ratio:.1f} (bar 6)")
    return ratio >= 6


def full_records(rounds: int) -> bool:
    """20 events a record, visits of three records."""
    visits = records(visitors=5_000, events=300_000, per_record=20)
    total = sum(len(visit.times) for visit in visits)
    spent = []
    for _ in range(rounds):
        settle()
        spent.append(run_shard(visits, 1_800_000_000_000, Policy())[0])
    print(f"{total:,} events in {len(visits):,} records, visits of three: {us(spent, total):.2f} us/event")
    return True


def open_sessions(shards: int = 4, visitors: int = 200_000) -> bool:
    """Memory of open sessions of 12 events with 4 page views."""
    process = psutil.Process()
    chance = random.Random(3)
    base = 1_800_000_000_000
    ids = [chance.getrandbits(64) for _ in range(visitors)]
    for visitor_id in ids[:2000]:  # code paths, caches and allocator warmed up
        SessionShard(Policy()).absorb(SITE, visitor_id, WHO, twelve(base, chance), base + 700)
    settle()
    before = process.memory_info().rss
    all_shards = [SessionShard(Policy()) for _ in range(shards)]
    for place, visitor_id in enumerate(ids):
        at = base + place * 3
        shard = all_shards[place % shards]
        shard.absorb(SITE, visitor_id, WHO, twelve(at, chance), at + 700)
        shard.advance(at + 700)
    # Until the open rows are written: by then all are in the state they stay in.
    for shard in all_shards:
        shard.advance(base + visitors * 3 + MINUTE)
    settle()
    each = (process.memory_info().rss - before) / visitors
    hot = sum(shard.hot_visitors for shard in all_shards)
    cold = sum(shard.cold_bytes for shard in all_shards)
    print(f"{sum(map(len, all_shards)):,} open sessions of 12 events, {hot:,} of them as objects")
    print(f"  resident memory {each:,.0f} bytes each (bar 1,024); encoded {cold / (visitors - hot):,.0f}")
    return bool(each <= 1024)


def twelve(at: int, chance: random.Random, events: int = 12) -> list[Fact]:
    """Facts of one record."""
    visit = Visit(0, tuple(range(0, events * 50, 50)), True, 700)
    return facts_of(batch_of(visit, at, chance))


def settle() -> None:
    """What was made so far is not garbage: keep the collector from walking it."""
    gc.collect()
    gc.freeze()


def us(seconds: list[float], events: int) -> float:
    """Median microseconds per event."""
    return median(seconds) / events * 1e6


def main() -> int:
    """Exit code 1 where a figure misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    held = [open_sessions(), full_records(rounds), against_bytewax(rounds)]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
