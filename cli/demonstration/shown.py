"""The numbers of the demo, and how they are shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from msgspec import Struct

from cli.importer.store import query_rows
from embedded.traffic import SITE
from footfall.names import database_name
from footfall.settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

NEWEST = 8


class Closed(Struct, frozen=True):
    """A closed session, as one line."""

    id: str
    line: str


class Numbers(Struct):
    """What the demo has come to so far."""

    accepted: int = 0
    visits: int = 0
    stored: int = 0
    repeated: int = 0  # accepted once more: a sender that hears no answer sends again
    clicks: int = 0  # of the person, on localhost
    open_sessions: int = 0
    closed_sessions: int = 0
    visitors_now: int | None = None
    revenue: float = 0.0
    newest: list[Closed] = []


def ask(settings: Settings, since_ms: int) -> Numbers:
    """From the store and from the live counters; only what came since the start counts."""
    database = database_name(settings.stage)
    since = f"fromUnixTimestamp64Milli({since_ms}, 'UTC')"
    (events,) = query_rows(
        settings,
        f"SELECT count() AS n FROM {database}.events_v1 WHERE site_id = '{SITE}' AND received_at >= {since} "  # noqa: S608
        "FORMAT JSONEachRow",
    )
    (sessions,) = query_rows(
        settings,
        "SELECT countIf(is_closed) AS closed, countIf(NOT is_closed) AS open, "  # noqa: S608 - checked names
        f"toFloat64(sumIf(revenue, is_closed)) AS revenue FROM {database}.sessions_v1 "
        f"WHERE site_id = '{SITE}' AND start_at >= {since} FORMAT JSONEachRow",
    )
    newest = query_rows(
        settings,
        "SELECT toString(session_id) AS id, channel, country, device_type, page_views, bot, "  # noqa: S608
        "intDiv(duration_ms, 1000) AS seconds, entry_page, exit_page, arrayStringConcat(goals, ', ') AS goals "
        f"FROM {database}.sessions_v1 WHERE site_id = '{SITE}' AND start_at >= {since} AND is_closed "
        f"ORDER BY log_time DESC, end_at DESC LIMIT {NEWEST} FORMAT JSONEachRow",
    )
    return Numbers(
        stored=int(str(events["n"])),
        clicks=_clicks(settings, since),
        closed_sessions=int(str(sessions["closed"])),
        open_sessions=int(str(sessions["open"])),
        revenue=float(str(sessions["revenue"])),
        visitors_now=_visitors_now(settings),
        newest=[Closed(str(row["id"]), _line(row)) for row in newest],
    )


def _clicks(settings: Settings, since: str) -> int:
    """Events from the demo shop on localhost, which are of the stage for development."""
    if settings.dev_stage in ("", settings.stage):
        return 0
    (row,) = query_rows(
        settings,
        f"SELECT count() AS n FROM {database_name(settings.dev_stage)}.events_v1 "  # noqa: S608 - checked names
        f"WHERE site_id = '{SITE}' AND received_at >= {since} FORMAT JSONEachRow",
    )
    return int(str(row["n"]))


def by_name(settings: Settings, since_ms: int) -> list[tuple[str, int, int]]:
    """(name, events, of them bots') of what came since, most first."""
    rows = query_rows(
        settings,
        "SELECT name, count() AS n, countIf(bot != '') AS bots "  # noqa: S608 - checked names
        f"FROM {database_name(settings.stage)}.events_v1 WHERE site_id = '{SITE}' "
        f"AND received_at >= fromUnixTimestamp64Milli({since_ms}, 'UTC') "
        "GROUP BY name ORDER BY n DESC, name FORMAT JSONEachRow",
    )
    return [(str(row["name"]), int(str(row["n"])), int(str(row["bots"]))) for row in rows]


def _line(row: dict[str, object]) -> str:
    who = "bot" if row["bot"] else " ".join(str(row[name]) for name in ("country", "device_type") if row[name])
    path = str(row["entry_page"])
    if row["exit_page"] != row["entry_page"]:
        path += f" ... {row['exit_page']}"
    goals = f"  reached: {row['goals']}" if row["goals"] else ""
    return f"{who}, {row['channel'] or 'Direct'}: {row['page_views']} pages in {row['seconds']} s, {path}{goals}"


def _visitors_now(settings: Settings) -> int | None:
    """From Valkey; None where it does not answer, which no session depends on."""
    import redis

    from sinks.live import read_live

    client = redis.from_url(settings.redis_address(), socket_timeout=1.0, socket_connect_timeout=1.0)
    try:
        return read_live(client, settings.stage, SITE, time.time_ns() // 1_000_000).visitors
    except redis.RedisError:
        return None
    finally:
        client.close()


def one_line(numbers: Numbers) -> str:
    """For pipes."""
    now = "" if numbers.visitors_now is None else f", {numbers.visitors_now} visitors now"
    now += f", {numbers.clicks} of your clicks" if numbers.clicks else ""
    twice = f" ({numbers.repeated} came twice)" if numbers.repeated else ""
    return (
        f"{numbers.accepted} events accepted, {numbers.stored} stored{twice}{now}; sessions: "
        f"{numbers.open_sessions} open, {numbers.closed_sessions} closed"
    )


def table(numbers: Numbers, title: str) -> Table:
    """For terminals."""
    from rich.markup import escape
    from rich.table import Table

    grid = Table(title=escape(title), title_justify="left", box=None, pad_edge=False, show_header=False)
    grid.add_column(justify="right", min_width=16)
    grid.add_column()
    grid.add_row("events accepted", f"[bold]{numbers.accepted}[/]  of {numbers.visits} visits")
    twice = f"  {numbers.repeated} came twice" if numbers.repeated else ""
    grid.add_row("events stored", f"[bold]{numbers.stored}[/]{twice}")
    if numbers.clicks:
        grid.add_row("your own", f"[bold]{numbers.clicks}[/]  in the shop on localhost (stage dev)")
    grid.add_row("visitors now", "unknown" if numbers.visitors_now is None else str(numbers.visitors_now))
    grid.add_row("sessions open", str(numbers.open_sessions))
    grid.add_row(
        "sessions closed", f"[bold green]{numbers.closed_sessions}[/]  {numbers.revenue:,.2f} EUR revenue"
    )
    for place, closed in enumerate(numbers.newest):
        grid.add_row("just closed" if not place else "", f"[dim]{escape(closed.line)}[/]")
    return grid
