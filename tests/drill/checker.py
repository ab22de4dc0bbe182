"""Is everything that was acknowledged stored once and as it was told, and do all results follow from it?

What should follow is worked out by tests/drill/oracle.py. `check` returns what is wrong, in
words; nothing means all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tests.drill.oracle import Row, Session, split
from tests.drill.rollups import check_rollups, wanted
from tests.drill.visitors import CURRENCY, Told

_TIMES = ("start_at", "end_at")
_AS_STORED = {
    "touch_at": "arrayMap(at -> toUnixTimestamp64Milli(at), touch_at)",
    "is_bounce": "toUInt8(is_bounce)",
    "revenue": "toInt64(revenue * 10000)",
    "id_kind": "toInt64(id_kind)",
} | {name: f"toUnixTimestamp64Milli({name})" for name in _TIMES}
_OF_EVENTS = {
    "event_id": "hex(event_id)",
    "occurred_at": "toUnixTimestamp64Milli(occurred_at)",
    "plan": "props['plan']",
    "id_kind": "toInt64(id_kind)",
}


def check(
    client: Any, told: Mapping[bytes, Told], window_ms: int, closed_before: int, site_id: str, zone: str,
    table: str = "events",
) -> list[str]:  # fmt: skip
    """All that is wrong at a site. `closed_before` (ms): hours and days ending by then must be rolled up.
    `table`: `events FINAL` after a replay, which writes each row once more."""
    rows = raw_rows(client, site_id, table)
    problems = check_exactly_once(rows, told.keys())
    unique = list({row.event_id: row for row in rows}.values())
    problems += check_contents(unique, told)
    sessions = split(unique, window_ms, goals_reached, CURRENCY)
    problems += check_sessions(client, sessions, site_id)
    problems += check_ledger(client, len(rows), site_id)
    return problems + check_rollups(client, wanted(unique, sessions, site_id, zone, closed_before), site_id)


def goals_reached(row: Row) -> set[str]:
    """The goals of tests/drill/visitors.py, said once more."""
    found = {"buy"} if row.name == "purchase" else set()
    if row.name == "page_view" and row.path == "/about":
        found.add("about")
    if row.name == "signup" and row.plan == "pro":
        found.add("plan")
    return found


def raw_rows(client: Any, site_id: str, table: str = "events") -> list[Row]:
    """Every row that is physically there, if it is the table: no FINAL."""
    columns = ", ".join(_OF_EVENTS.get(name, name) for name in Row._fields)
    found = client.execute(f"SELECT {columns} FROM {table} WHERE site_id = %(site)s", {"site": site_id})
    return [Row(row[0], bytes.fromhex(row[1]), *row[2:]) for row in found]


def check_exactly_once(rows: Iterable[Row], acknowledged: Collection[bytes]) -> list[str]:
    """Each acknowledged event has one row, and nothing else has any."""
    times = Counter(row.event_id for row in rows)
    lost = len(set(acknowledged) - times.keys())
    strange = len(times.keys() - set(acknowledged))
    double = sum(1 for count in times.values() if count > 1)
    problems = []
    if lost:
        problems.append(f"{lost} of {len(acknowledged)} acknowledged events are not stored")
    if strange:
        problems.append(f"{strange} stored events were never acknowledged")
    if double:
        problems.append(f"{double} events are stored more than once")
    return problems


def check_contents(rows: Iterable[Row], told: Mapping[bytes, Told]) -> list[str]:
    """Each row holds what was told of its event, and not of a neighbour."""
    wrong: Counter[str] = Counter()
    for row in rows:
        of_it = told.get(row.event_id)
        if of_it is None:
            continue  # counted by `check_exactly_once`
        wrong.update(
            name for name in Told._fields if getattr(row, name) != getattr(of_it, name) and name != "device_type"
        )
        # What a crawler runs on is not told; that it is one must be seen.
        wrong["device_type"] += row.device_type != of_it.device_type if of_it.device_type else not row.bot
    return [f"{count} events have another {name} than was sent" for name, count in wrong.items() if count]


def check_sessions(client: Any, wanted: list[Session], site_id: str) -> list[str]:
    """The sessions readers see are the oracle's, in everything they say, and all are closed."""
    columns = ", ".join(_AS_STORED.get(name, name) for name in Session._fields)
    sql = f"SELECT is_closed, {columns} FROM sessions_v1 WHERE site_id = %(site)s"
    rows = client.execute(sql, {"site": site_id})
    still_open = sum(1 for row in rows if not row[0])
    problems = [f"{still_open} sessions are still open"] if still_open else []
    found = [Session._make(tuple(v) if isinstance(v, list) else v for v in row[1:]) for row in rows]
    mine, theirs = _by_start(wanted), _by_start(found)
    if len(theirs) != len(found):
        problems.append(f"{len(found) - len(theirs)} sessions are there twice")
    missing, extra = mine.keys() - theirs.keys(), theirs.keys() - mine.keys()
    if missing or extra:
        problems.append(
            f"sessions differ: {len(missing)} missing (such as {_first(mine, missing)}), "
            f"{len(extra)} too many (such as {_first(theirs, extra)}) of {len(wanted)}"
        )
    return problems + _differing_fields(mine, theirs)


def _differing_fields(mine: dict[Any, Session], theirs: dict[Any, Session]) -> list[str]:
    wrong: dict[str, list[tuple[Any, Any, Any]]] = {}
    for key in mine.keys() & theirs.keys():
        for name, right, found in zip(Session._fields, mine[key], theirs[key], strict=True):
            if right != found:
                wrong.setdefault(name, []).append((key, right, found))
    return [
        f"{len(cases)} of {len(mine)} sessions differ in {name}, such as (visitor, start) {cases[0][0]}: "
        f"wanted {cases[0][1]!r}, found {cases[0][2]!r}"
        for name, cases in wrong.items()
    ]


def _by_start(sessions: Iterable[Session]) -> dict[tuple[int, int], Session]:
    return {(session.visitor_id, session.start_at): session for session in sessions}


def _first(sessions: dict[tuple[int, int], Session], keys: set[tuple[int, int]]) -> Session | None:
    return next((sessions[key] for key in keys), None)


def check_ledger(client: Any, rows: int, site_id: str) -> list[str]:
    """accepted = stored + duplicate + dropped + quarantined, and stored is what is there."""
    sums: dict[str, int] = dict(
        client.execute(
            "SELECT toString(outcome), sum(count) FROM ledger_v1 WHERE site_id = %(site)s GROUP BY outcome",
            {"site": site_id},
        )
    )
    accepted = sums.get("accepted", 0)
    parts = sum(sums.get(name, 0) for name in ("stored", "duplicate", "dropped", "quarantined"))
    problems = []
    if accepted != parts:
        problems.append(f"the ledger does not add up: accepted {accepted}, accounted for {parts} ({sums})")
    if sums.get("stored", 0) != rows:
        problems.append(f"the ledger says {sums.get('stored', 0)} stored, {rows} rows are there")
    return problems
