"""A session's versions and events, in words."""

from __future__ import annotations

from collections.abc import Iterator

from clickhouse_driver import Client

from cli.explaining import stored
from cli.explaining.stored import Row
from cli.explaining.words import moment, session_line


def tell(client: Client, session_id: int, site: str) -> Iterator[str]:
    """Line by line: each version that is still there, what stands now, its events."""
    versions = stored.rows(client, stored.VERSIONS, id=session_id, site=site)
    yield f"session {session_id}"
    if not versions:
        yield "not found: no version of it is in the store. Merging removes what was withdrawn, retention the old."
        yield "The id of one of its events leads to the session it is in now: footfall explain EVENT_ID"
        return
    for row in versions:
        yield _version(row)
    newest = max(versions, key=lambda row: int(row["version"]))
    made = next((row for row in reversed(versions) if not row["is_deleted"]), None)
    yield ""
    if newest["is_deleted"]:
        yield from _withdrawn(client, newest, made)
        return
    yield session_line(newest)
    yield f"           site {newest['site_id']}, visitor {newest['visitor_id']}"
    for event in stored.events_of(client, newest):
        late = " late" if event["is_late"] else ""
        where = f"{event['log_partition']}-{event['log_offset']}"
        yield f"  {moment(event['occurred_at'])}  {event['id']}  {event['name']} {event['path']}  ({where}{late})"
    if newest["events"] > stored.SHOWN:
        yield f"  ... the first {stored.SHOWN} of {newest['events']:,}"
    values = {"site": newest["site_id"], "visitor": newest["visitor_id"]}
    if stored.rows(client, stored.WAITING, **values)[0]["count()"]:
        yield "repair     the visitor is on the list: late events came, the session will be made anew"


def _version(row: Row) -> str:
    by = f"repair, generation {row['generation']}" if row["generation"] else "the live flow"
    if row["is_deleted"]:
        return f"version    {moment(row['log_time'])}  withdrawn by {by}"
    state = "closed" if row["is_closed"] else "open"
    return f"version    {moment(row['log_time'])}  {row['events']} events, {state}, by {by}"


def _withdrawn(client: Client, newest: Row, made: Row | None) -> Iterator[str]:
    first = newest["start_at"]
    last = made["end_at"] if made is not None else first
    heirs = stored.sessions_around(client, newest["site_id"], newest["visitor_id"], first, last)
    yield f"It was WITHDRAWN {moment(newest['log_time'])}: its events are counted elsewhere now."
    if heirs:
        yield "A late event, or one that bridged two sessions, made these of them:"
        yield from map(session_line, heirs)
    else:
        yield "None of the visitor's sessions covers its time: it was taken for another visitor's, or its events"
        yield "were duplicates. An event's id tells more: footfall explain EVENT_ID"
