"""Is everything that was acknowledged stored once, and do all results follow from it?

The oracle sorts and splits the rows of `events` by itself; it shares no code with the
fold. `check` returns what is wrong, in words; nothing means all is well.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

HOUR_MS = 3_600_000
PAGE_NAMES = ("page_view", "path_change")


class Row(NamedTuple):
    """What the oracle needs of an event."""

    visitor_id: int
    event_id: bytes
    occurred_at: int
    name: str


class Span(NamedTuple):
    """A session as the oracle sees it."""

    visitor_id: int
    start_at: int
    end_at: int
    events: int
    page_views: int


def check(
    client: Any, acknowledged: set[bytes], window_ms: int, closed_before: int, site_id: str = "%"
) -> list[str]:
    """All that is wrong. `closed_before`: hours ending by then must be rolled up. `site_id`: of
    that site (all of them are seen as one)."""
    rows = raw_rows(client, site_id)
    problems = check_exactly_once(rows, acknowledged)
    unique = list({row.event_id: row for row in rows}.values())
    spans = split(unique, window_ms)
    problems += check_sessions(client, spans, site_id)
    problems += check_ledger(client, rows, site_id)
    problems += check_rollups(client, unique, spans, closed_before, site_id)
    return problems


def raw_rows(client: Any, site_id: str = "%") -> list[Row]:
    """Every row that is physically there: no FINAL, no view."""
    sql = (
        "SELECT visitor_id, hex(event_id), toUnixTimestamp64Milli(occurred_at), toString(name) "
        "FROM events WHERE visitor_id != 0 AND bot = '' AND site_id LIKE %(site)s"
    )
    return [
        Row(visitor, bytes.fromhex(event), at, name)
        for visitor, event, at, name in client.execute(sql, {"site": site_id})
    ]


def check_exactly_once(rows: Iterable[Row], acknowledged: set[bytes]) -> list[str]:
    """Each acknowledged event has one row, and nothing else has any."""
    times = Counter(row.event_id for row in rows)
    lost = len(acknowledged - times.keys())
    strange = len(times.keys() - acknowledged)
    double = sum(1 for count in times.values() if count > 1)
    problems = []
    if lost:
        problems.append(f"{lost} of {len(acknowledged)} acknowledged events are not stored")
    if strange:
        problems.append(f"{strange} stored events were never acknowledged")
    if double:
        problems.append(f"{double} events are stored more than once")
    return problems


def split(rows: Iterable[Row], window_ms: int) -> list[Span]:
    """Sort each visitor's events by time and cut where the gap is above the window."""
    by_visitor: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_visitor[row.visitor_id].append(row)
    spans = []
    for visitor, events in by_visitor.items():
        events.sort(key=lambda row: (row.occurred_at, row.event_id))
        current: list[Row] = []
        for row in events:
            if current and row.occurred_at - current[-1].occurred_at > window_ms:
                spans.append(_span(visitor, current))
                current = []
            current.append(row)
        spans.append(_span(visitor, current))
    return spans


def _span(visitor: int, events: list[Row]) -> Span:
    pages = sum(row.name in PAGE_NAMES for row in events)
    return Span(visitor, events[0].occurred_at, events[-1].occurred_at, len(events), pages)


def check_sessions(client: Any, spans: list[Span], site_id: str) -> list[str]:
    """The sessions readers see are the oracle's, all closed."""
    sql = (
        "SELECT visitor_id, toUnixTimestamp64Milli(start_at), toUnixTimestamp64Milli(end_at), events, "
        "page_views, is_closed FROM sessions_v1 WHERE bot = '' AND site_id LIKE %(site)s"
    )
    found = client.execute(sql, {"site": site_id})
    still_open = sum(1 for row in found if not row[5])
    seen = Counter(Span(*row[:5]) for row in found)
    wanted = Counter(spans)
    problems = []
    if still_open:
        problems.append(f"{still_open} sessions are still open")
    missing, extra = wanted - seen, seen - wanted
    if missing or extra:
        problems.append(
            f"sessions differ: {missing.total()} missing (such as {next(iter(missing), None)}), "
            f"{extra.total()} too many (such as {next(iter(extra), None)}) of {len(spans)}"
        )
    return problems


def check_ledger(client: Any, rows: list[Row], site_id: str) -> list[str]:
    """accepted = stored + duplicate + dropped + quarantined, and stored is what is there."""
    sums: dict[str, int] = dict(
        client.execute(
            "SELECT toString(outcome), sum(count) FROM ledger_v1 WHERE site_id LIKE %(site)s GROUP BY outcome",
            {"site": site_id},
        )
    )
    accepted = sums.get("accepted", 0)
    parts = sum(sums.get(name, 0) for name in ("stored", "duplicate", "dropped", "quarantined"))
    problems = []
    if accepted != parts:
        problems.append(f"the ledger does not add up: accepted {accepted}, accounted for {parts} ({sums})")
    if sums.get("stored", 0) != len(rows):
        problems.append(f"the ledger says {sums.get('stored', 0)} stored, {len(rows)} rows are there")
    return problems


def check_rollups(client: Any, rows: list[Row], spans: list[Span], closed_before: int, site_id: str) -> list[str]:
    """Closed hours equal a recount."""
    wanted: dict[int, list[Any]] = defaultdict(lambda: [0, 0, set(), 0])
    for row in rows:
        hour = wanted[row.occurred_at // HOUR_MS]
        hour[0] += 1
        hour[1] += row.name in PAGE_NAMES
        hour[2].add(row.visitor_id)
    for span in spans:
        wanted[span.start_at // HOUR_MS][3] += 1
    recount = {
        hour: (events, pages, len(visitors), sessions)
        for hour, (events, pages, visitors, sessions) in wanted.items()
    }
    closed = {hour for hour in recount if (hour + 1) * HOUR_MS <= closed_before}
    sql = (
        "SELECT intDiv(toUnixTimestamp(bucket), 3600) AS hour, sum(events), sum(page_views), "
        "uniqExactMerge(visitors), sum(sessions) FROM rollup_hour_v1 "
        "WHERE dimension = '' AND site_id LIKE %(site)s GROUP BY hour"
    )
    found = {row[0]: tuple(row[1:]) for row in client.execute(sql, {"site": site_id})}
    # An hour that ended just now may be rolled up already or not: if it is, it must be right.
    differing = [hour for hour in closed | found.keys() if recount.get(hour) != found.get(hour)]
    if not closed:
        return ["no hour is closed: there is nothing to compare"]
    if not differing:
        return []
    first = differing[0]
    example = f"wanted {recount.get(first)}, found {found.get(first)}"
    return [f"{len(differing)} of {len(closed)} closed hours differ: {example}"]
