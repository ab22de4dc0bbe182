"""The repair list: whose sessions are to be made anew. It lives in the store, so that an
import of millions of events needs no memory here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from clickhouse_driver import Client

from jobs.stored import run

SKEW_MS = 3_600_000  # by which an event may seem to have come before it happened, clocks being what they are
# Live events of somebody in the partitions looked at, up to where all is stored. The bound on log time
# alone lets the index on it work.
_KNOWN = """
    late = 0
    AND visitor_id != 0
    AND occurred_at >= fromUnixTimestamp64Milli(toInt64(%(since)s))
    AND log_time >= fromUnixTimestamp64Milli(toInt64(greatest(%(since)s - %(skew)s, 0)))
    AND toInt64(toUnixTimestamp64Milli(log_time))
        <= transform(toInt64(log_partition), %(partitions)s, %(untils)s, toInt64(-1))
"""
_COLUMNS = "site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted"


class Entry(NamedTuple):
    """A visitor on the list."""

    visitor_id: int
    first_at: int  # ms, of the events that call for repair
    last_at: int
    events: int
    marks: list[int]


class Backlog(NamedTuple):
    """What is left to do."""

    visitors: int
    events: int
    oldest_mark: datetime | None


def mark_late(client: Client, stage: str, after: dict[int, int], until: dict[int, int]) -> None:
    """Put the visitors of late events on the list; by partition, log time in (after, until]."""
    # Without those where nothing is new: a drained one would have all be read since its end.
    partitions = sorted(partition for partition in until if until[partition] > after.get(partition, -1))
    if not partitions:
        return
    afters = [after.get(partition, -1) for partition in partitions]
    untils = [until[partition] for partition in partitions]
    values = {
        "partitions": partitions, "afters": afters, "untils": untils, "after": min(afters), "until": max(untils)
    }  # fmt: skip
    run(client, "mark_late", stage, values)


def mark_split(
    client: Client, stage: str, after: dict[int, int], until: dict[int, int], window_ms: int, lateness_ms: int
) -> None:
    """Put visitors on the list whose live events within `window_ms` of one another are in different ones
    of these partitions, some of it new. By partition, log time in (after, until]."""
    partitions = sorted(until)
    afters = [after.get(partition, -1) for partition in partitions]
    values = {
        "partitions": partitions,
        "afters": afters,
        "untils": [until[partition] for partition in partitions],
        "since": max(0, min(afters) - lateness_ms - window_ms),
        "window": window_ms,
        "skew": SKEW_MS,
    }
    run(client, "mark_split", stage, values, fragments={"known": _KNOWN})


def mark_range(client: Client, stage: str, site_id: str, first: int, end: int, now_ms: int) -> int:
    """Put everybody on the list who was on the site in [first, end); how many."""
    run(client, "mark_range", stage, {"site": site_id, "first": first, "end": end, "mark": now_ms})
    sql = "SELECT count() FROM repair_list FINAL WHERE site_id = %(site)s AND mark = %(mark)s"
    return int(client.execute(sql, {"site": site_id, "mark": now_ms})[0][0])


def waiting_sites(client: Client) -> dict[str, int]:
    """Site -> visitors on the list."""
    sql = "SELECT site_id, uniqExact(visitor_id) FROM repair_list FINAL GROUP BY site_id ORDER BY site_id"
    return dict(client.execute(sql))


def next_entries(
    client: Client, stage: str, site_id: str, ready: int, after: Entry | None, limit: int
) -> list[Entry]:
    """The next visitors whose last event is before `ready`, in the order of their first."""
    after_ms, after_visitor = (after.first_at, after.visitor_id) if after else (-1, 0)
    values = {
        "site": site_id, "ready": ready, "limit": limit, "after_ms": after_ms, "after_visitor": after_visitor
    }  # fmt: skip
    rows = run(client, "to_repair", stage, values)
    return [Entry(*row) for row in rows]


def mark_done(client: Client, site_id: str, entries: list[Entry]) -> None:
    """Take visitors off the list; marks made meanwhile stay."""
    rows = [
        (site_id, entry.visitor_id, mark, _time(entry.first_at), _time(entry.last_at), entry.events, 1, 1)
        for entry in entries
        for mark in entry.marks
    ]
    if rows:
        client.execute(f"INSERT INTO repair_list ({_COLUMNS}) VALUES", rows)


def forget_site(client: Client, site_id: str) -> None:
    """Take a site that is no more off the list."""
    sql = f"""
        INSERT INTO repair_list ({_COLUMNS})
        SELECT site_id, visitor_id, mark, first_at, last_at, events, 1, 1 FROM repair_list FINAL
        WHERE site_id = %(site)s
    """  # noqa: S608 - names of this module's own
    client.execute(sql, {"site": site_id})


def backlog(client: Client, site_id: str = "") -> Backlog:
    """How much is on the list, of all sites or of one."""
    where = "WHERE site_id = %(site)s" if site_id else ""
    sql = f"SELECT uniqExact(visitor_id), sum(events), min(marked_at) FROM repair_list FINAL {where}"  # noqa: S608
    visitors, events, oldest = client.execute(sql, {"site": site_id})[0]
    return Backlog(visitors, events, oldest if visitors else None)


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
