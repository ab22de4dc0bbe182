"""`footfall explain EVENT_ID | SESSION_ID`: where it came in, what each step made of it, what it became."""

from __future__ import annotations

import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.plane import open_control

if TYPE_CHECKING:
    from cli.explaining.arrivals import Searched
    from footfall.settings import Settings

BEFORE_MS = 60_000


@click.command()
@click.argument("what", metavar="EVENT_ID|SESSION_ID")
@click.option("--site", default="", help="Only of this site.")
@click.option("--stage", help="Another stage than the settings'.")
@click.option("--minutes", type=click.IntRange(1, 20_000), default=20, show_default=True,
              help="How long after its making an event is looked for in the log.")  # fmt: skip
@click.option("--records", type=click.IntRange(1, 100_000_000), default=200_000, show_default=True,
              help="Log records looked at, of each partition.")  # fmt: skip
def command(what: str, site: str, stage: str | None, minutes: int, records: int) -> None:
    """Explain an event (a UUID) or a session (its number, as the tables show it).

    Of an event: its record in the log as long as that has it, each enrichment step done again with the
    site's settings of now (without places), whether it was late, a duplicate, dropped or set aside, and the
    sessions it is in. Of a session: its versions, who withdrew it, its events. Exit code 1 if nothing is found.
    """
    from cli.explaining import event, session, stored
    from embedded.paths import resolve
    from footfall.names import database_name
    from sinks.clickhouse import connect

    settings = resolve(load_settings())
    name = stage or settings.stage
    if name not in settings.topics():
        raise click.UsageError(f"no stage {name} here: there are {', '.join(settings.topics())}")
    event_id = _event_id(what)
    client = connect(settings, database=database_name(name))
    try:
        if event_id is None:
            lines = list(session.tell(client, _session_id(what), site))
        else:
            with closing(open_control(settings)) as plane:
                sites = plane.sites()
            rows = stored.event_rows(client, event_id, site)
            known = {(row["log_partition"], row["log_offset"]) for row in rows}
            searched = _search(settings, name, event_id, known, minutes, records)
            lines = list(event.tell(client, event_id, site, rows, searched, sites, settings.lateness_ms))
    finally:
        client.disconnect()
    click.echo("\n".join(map(_printable, lines)))
    if any(line.startswith("not found") for line in lines):
        raise click.exceptions.Exit(1)


def _event_id(text: str) -> bytes | None:
    try:
        return None if text.isdigit() and len(text) <= 20 else uuid.UUID(text).bytes
    except ValueError:
        raise click.UsageError(
            f"{text!r} is neither an event's id (a UUID) nor a session's (a number, column session_id)"
        ) from None


def _session_id(text: str) -> int:
    if int(text) >= 1 << 64:
        raise click.UsageError(f"{text} is no session's id: they have 64 bits")
    return int(text)


def _search(
    settings: Settings, stage: str, event_id: bytes, known: set[tuple[int, int]], minutes: int, records: int
) -> Searched:
    """In the log: at the known positions and around the time of the id; nothing where there is no log here."""
    from cli.explaining.arrivals import Searched, at, search
    from cli.layout import layout_of
    from eventlog.opening import is_made, open_log
    from eventlog.protocol import LogUnreachable

    layout = layout_of(settings, stage)
    if not is_made(settings, stage, layout):
        return Searched()
    made = int.from_bytes(event_id[:6], "big")
    try:
        with closing(open_log(settings, stage, layout).reader()) as reader:
            first, last = made - BEFORE_MS, made + minutes * 60_000
            found = search(reader, layout.partitions, event_id, first, last, records)
            seen = {(one.partition, one.offset) for one in found.arrivals}
            for partition, offset in sorted(known - seen):
                found.arrivals += at(reader, partition, offset, event_id)
            return found
    except LogUnreachable as error:
        click.echo(f"the log cannot be asked: {error}", err=True)
        return Searched()


def _printable(line: str) -> str:
    """What others sent must not move the cursor."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
