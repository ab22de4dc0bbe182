"""What an import came to."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from msgspec import Struct

from cli.importer.records import Counts
from cli.importer.store import query_rows, quoted
from footfall.addresses import reachable
from footfall.names import database_name
from footfall.settings import Settings

NEWEST_SESSIONS = "SELECT * FROM {}.sessions_v1 ORDER BY start_at DESC LIMIT 3 FORMAT Vertical"


class Stored(Struct, frozen=True):
    """What the store holds of the site in the time the files speak of."""

    events: int
    page_views: int
    visitor_days: int
    bot_events: int
    sessions: int
    bot_sessions: int
    bounces: int


def stored(settings: Settings, site_id: str, first_ms: int, last_ms: int) -> Stored:
    """Counted in the store, so that the summary is what boards will show."""
    database, site = database_name(settings.stage), quoted(site_id)
    events = (
        "SELECT count() AS events, countIf(name = 'page_view') AS page_views, uniqExact(visitor_id) AS visitors, "  # noqa: S608 - quoted
        f"countIf(bot != '') AS bots FROM {database}.events_v1 WHERE site_id = {site} AND source = 'import' "
        f"AND occurred_at BETWEEN {_time(first_ms)} AND {_time(last_ms)} FORMAT JSONEachRow"
    )
    sessions = (
        "SELECT count() AS sessions, countIf(bot != '') AS bots, countIf(is_bounce AND bot = '') AS bounces "  # noqa: S608 - quoted
        f"FROM {database}.sessions_v1 WHERE site_id = {site} "
        f"AND start_at BETWEEN {_time(first_ms)} AND {_time(last_ms)} FORMAT JSONEachRow"
    )
    (of_events,), (of_sessions,) = query_rows(settings, events), query_rows(settings, sessions)
    return Stored(
        events=_int(of_events["events"]),
        page_views=_int(of_events["page_views"]),
        visitor_days=_int(of_events["visitors"]),
        bot_events=_int(of_events["bots"]),
        sessions=_int(of_sessions["sessions"]),
        bot_sessions=_int(of_sessions["bots"]),
        bounces=_int(of_sessions["bounces"]),
    )


def show_summary(settings: Settings, site_id: str, counts: Counts, repaired: str) -> None:
    """Print it."""
    for line in summary_lines(settings, site_id, counts, repaired):
        click.echo(line)


def summary_lines(settings: Settings, site_id: str, counts: Counts, repaired: str) -> list[str]:
    """The summary, line by line."""
    bad = sum(counts.bad.values())
    lines = [
        f"lines         {counts.lines:>10,}",
        f"parsed        {counts.parsed:>10,}",
        f"quarantined   {bad:>10,}" + "".join(f"  {text}: {n:,}" for text, n in sorted(counts.bad.items())),
    ]
    if not counts.parsed:
        return [*lines, "Nothing could be read. Is it an access log? Try `--format common`."]
    found = stored(settings, site_id, counts.first_ms, counts.last_ms)
    people = found.sessions - found.bot_sessions
    lines += [
        f"time          {_day(counts.first_ms)} to {_day(counts.last_ms)} (UTC)",
        f"events        {found.events:>10,}  stored in this time, of imports",
        f"page views    {found.page_views:>10,}",
        f"visitor-days  {found.visitor_days:>10,}",
        f"sessions      {found.sessions:>10,}  {people:,} of people, {found.bot_sessions:,} of bots"
        + (f"; {found.bounces / people:.0%} of people's bounced" if people else ""),
        f"bot share     {found.bot_events / max(1, found.events):>10.1%}  of events",
        f"repair        {repaired}",
        "",
        "Where to look:",
        f"  footfall quarantine list --site {site_id}" if bad else "  footfall status",
        "  " + curl(settings, NEWEST_SESSIONS),
    ]
    return lines


def curl(settings: Settings, query: str) -> str:
    """A command to paste: the query as the read-only user; `{}` stands for the database."""
    query = query.format(database_name(settings.stage))
    scheme, host = "https" if settings.clickhouse_secure else "http", settings.store_hosts()[0][0]
    host = reachable(host)
    reader = (
        f"$(cat {settings.data_dir / 'secrets' / 'clickhouse_reader'})" if settings.has_own_store else "PASSWORD"
    )
    return f'curl -u "reader:{reader}" {scheme}://{host}:{settings.clickhouse_http_port}/ -d "{query}"'


def _time(millis: int) -> str:
    return f"fromUnixTimestamp64Milli({millis}, 'UTC')"


def _day(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _int(value: object) -> int:
    return int(str(value))  # 64-bit integers come as text
