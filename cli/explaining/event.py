"""An event's way, in words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from clickhouse_driver import Client

from cli.explaining import stored
from cli.explaining.arrivals import Arrival, Searched
from cli.explaining.stored import Row
from cli.explaining.words import moment, session_line
from footfall.enrich.context import Context
from footfall.enrich.tracing import trace
from footfall.names import IdKind, Source
from footfall.sites import Sites

Lines = Iterator[str]


def tell(
    client: Client,
    event_id: bytes,
    site: str,
    rows: list[Row],
    searched: Searched,
    sites: Sites,
    lateness_ms: int,
) -> Lines:
    """Line by line: where it came in, what each step made of it, what it became."""
    items = stored.rows(client, stored.QUARANTINED, id=event_id.hex())
    progress = {row["log_partition"]: row["max(log_offset)"] for row in stored.rows(client, stored.PROGRESS)}
    yield f"event {uuid.UUID(bytes=event_id)}"
    arrivals = [one for one in searched.arrivals if not site or one.record.site_id == site]
    at = {(row["log_partition"], row["log_offset"], row["log_index"]) for row in rows}
    replaced = {
        (row["archived_partition"], row["archived_offset"], row["log_index"]) for row in rows if row["replay"]
    }
    before: list[Arrival] = []
    for arrival in arrivals:
        yield ""
        yield from _arrival(arrival, sites, lateness_ms)
        yield from _fate(arrival, before, at, replaced, items, progress)
        before.append(arrival)
    for row in rows:
        yield ""
        yield from _row(client, row, max(one["replay"] for one in rows if _same(one, row)))
    for item in items:
        place = f"{item['log_partition']}-{item['log_offset']}-{item['log_index']}"
        yield ""
        yield f"quarantined {moment(item['quarantined_at'])} as {item['reason']}: {item['detail']}"
        yield f"  footfall quarantine show {place}"
    if not arrivals and not rows and not items:
        yield from _not_found(searched)
    elif not arrivals:
        yield ""
        yield "its record was not looked at: the log does not have it any more"


def _arrival(arrival: Arrival, sites: Sites, lateness_ms: int) -> Lines:
    record = arrival.record
    event = record.events[arrival.place]
    yield f"came in    {moment(record.received_at)} at the gateway, door: {Source(record.source).name.lower()}"
    yield f"           site {record.site_id}, batch {uuid.UUID(bytes=record.batch_id or bytes(16))}, {event.name}"
    if record.replay is not None:
        first = record.replay
        yield (
            f"           again, by replay {first.number} of the raw archive: it was first in partition "
            f"{first.partition}, offset {first.offset}"
        )
    yield f"           visitor {record.visitor_id}, known as {IdKind(record.id_kind).name.lower()}"
    yield (
        f"log        partition {arrival.partition}, offset {arrival.offset}, place {arrival.place}; "
        f"log time {moment(arrival.log_time)}"
    )
    site = sites.get(record.site_id)
    if site is None:
        yield f"enrich     the site is not known (any more): `footfall site add {record.site_id}`, then replay"
        return
    for result in trace(record, arrival.place, site, Context()):
        mark = "" if result.outcome == "passed" else f"{result.outcome.upper()}: "
        yield f"  {result.step:<14} {mark}{result.told}".rstrip()
    from footfall.enrich.clock import corrected, skew_ms

    skew = skew_ms(record.source, record.sent_at, record.received_at)
    age = arrival.log_time - corrected(event.occurred_at, skew, record.received_at)
    backfill = record.replay is not None or record.source in (Source.IMPORT, Source.REPLAY)
    late = backfill or age > lateness_ms
    told = "late: repair counts it" if late else "in time: it entered the live session"
    yield f"lateness   {age / 1000:,.1f} s old at its log time ({lateness_ms / 1000:,.0f} s are allowed): {told}"


def _fate(
    arrival: Arrival,
    before: list[Arrival],
    at: set[tuple[int, int, int]],
    replaced: set[tuple[int, int, int]],
    items: list[Row],
    progress: dict[int, int],
) -> Lines:
    place = arrival.partition, arrival.offset, arrival.place
    if place in at:
        yield "became     a row of events (below)"
    elif place in replaced:
        yield "became     a row of events, in whose place is that of a replay by now (below)"
    elif any((item["log_partition"], item["log_offset"]) == place[:2] for item in items):
        yield "became     quarantined (below)"
    elif progress.get(arrival.partition, 0) <= arrival.offset:
        yield "became     nothing yet: the flow has not stored this offset; see `footfall top`"
    elif arrival.record.replay is not None:
        yield "became     nothing: the event was another record's, or a later replay has taken its place"
    elif any(one.record.batch_id == arrival.record.batch_id for one in before):
        yield "became     nothing: a DUPLICATE, its batch had come before"
    elif before or at:
        yield "became     nothing: a DUPLICATE, the event had come before"
    else:
        yield "became     no row: dropped (above), or quarantined beyond the cap of a day; docs/reasons.md"


def _same(one: Row, other: Row) -> bool:
    """Whether they are rows of one event, of which the latest replay's counts."""
    return (one["site_id"], one["name"]) == (other["site_id"], other["name"])


def _row(client: Client, row: Row, latest: int) -> Lines:
    """`latest`: the number of the replay whose row counts; 0: none."""
    if row["withdrawn"]:
        yield f"withdrawn  by replay {row['replay']}: a step dropped it then"
    else:
        yield from _stored(row)
    if row["replay"] < latest:
        yield f"           it counts no more: the row of replay {latest} (below) has taken its place"
    elif row["withdrawn"]:
        yield "session    none: it counts no more"
    elif not row["visitor_id"]:
        yield "session    none: a server's event without a visitor"
    else:
        yield from _sessions(client, row)


def _stored(row: Row) -> Lines:
    by = f", by replay {row['replay']}" if row["replay"] else ""
    yield (
        f"stored     {row['name']} {row['host']}{row['path']}, occurred {moment(row['occurred_at'])}, "
        f"{'late' if row['is_late'] else 'in time'}" + (f", a bot ({row['bot']})" if row["bot"] else "") + by
    )
    yield (
        f"           visitor {row['visitor_id']}, from partition {row['log_partition']}, "
        f"offset {row['log_offset']}, place {row['log_index']}"
    )


def _sessions(client: Client, row: Row) -> Lines:
    at = row["occurred_at"]
    sessions = stored.sessions_around(client, row["site_id"], row["visitor_id"], at, at)
    for session in sessions:
        yield session_line(session)
    if not sessions:
        waiting = stored.rows(client, stored.WAITING, site=row["site_id"], visitor=row["visitor_id"])[0]["count()"]
        yield "session    none yet: " + (
            "the visitor waits for repair, see `footfall repair --status`"
            if waiting
            else "written within a minute"
        )


def _not_found(searched: Searched) -> Lines:
    yield ""
    yield "not found: neither in the store, nor in quarantine, nor in the log"
    yield f"({searched.records:,} records around the time of its id were looked at"
    yield f" of a log that begins {moment(searched.oldest) if searched.oldest else 'now'})."
    yield "What it may be:"
    if searched.cut:
        yield "  - beyond what was looked at: there is more in the log, try --records with a larger number"
    yield "  - refused by the gateway, which keeps nothing: the sender got 4xx or 503, or its index in `rejected`;"
    yield "    footfall_gateway_refused_total and _rejected_total count them (docs/metrics.md, `footfall top`)"
    yield "  - older than the log's retention, and dropped or a duplicate: the ledger has it only as a number"
    yield "  - sent long after it was made (--minutes looks further), or to another stage (--stage)"
