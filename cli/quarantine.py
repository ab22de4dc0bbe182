"""`footfall quarantine list | show | replay`: what could not be processed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.layout import layout_of
from cli.plane import open_control, require_control
from cli.tables import show_table
from footfall.names import QuarantineReason, database_name

if TYPE_CHECKING:
    from clickhouse_driver import Client

    from eventlog.protocol import EventLog
    from footfall.generations import Layout
    from footfall.settings import Settings
    from jobs.replay import Appended, Rebuild
    from sinks.quarantine import Quarantined

ALL = 1_000_000
SHOWN_BYTES = 2_000
REASONS = [reason.value for reason in QuarantineReason]

_stage = click.option("--stage", help="Another stage than the settings'.")


@click.group()
def command() -> None:
    """What could not be processed: list it, show it, replay it. Kept 14 days, redacted."""


def _open(stage: str | None) -> tuple[Settings, str, Client]:
    from embedded.paths import resolve
    from sinks.clickhouse import connect

    settings = resolve(load_settings())
    require_control(settings)
    name = stage or settings.stage
    if name not in settings.topics():
        raise click.UsageError(f"no stage {name} here: there are {', '.join(settings.topics())}")
    return settings, name, connect(settings, database=database_name(name))


@command.command("list")
@click.option("--site", "site_id", help="Only of this site; '-' for those of no known site.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@_stage
def list_items(site_id: str | None, limit: int, stage: str | None) -> None:
    """The newest items."""
    from jobs.replay import unreplayed
    from sinks.quarantine import list_quarantined

    _, name, client = _open(stage)
    try:
        items = list_quarantined(client, database_name(name), "" if site_id == "-" else site_id, limit)
        waiting = {item.id for item in unreplayed(client, items)}
    finally:
        client.disconnect()
    if not items:
        click.echo("Nothing is in quarantine.")
        return
    rows = [
        (
            item.id, item.quarantined_at.strftime("%Y-%m-%d %H:%M:%S"), item.site_id, item.reason, item.detail,
            "no" if item.id in waiting else "yes",
        )
        for item in items
    ]  # fmt: skip
    show_table(("id", "when (UTC)", "site", "reason", "detail", "replayed"), rows, whole=("id", "site", "reason"))


@command.command("show")
@click.argument("item_id", metavar="ID")
@_stage
def show_item(item_id: str, stage: str | None) -> None:
    """One item with its payload."""
    _, name, client = _open(stage)
    try:
        item = _find(client, name, item_id)
    finally:
        client.disconnect()
    for label, value in (
        ("id", item.id), ("site", item.site_id), ("when", f"{item.quarantined_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("reason", item.reason), ("detail", item.detail),
    ):  # fmt: skip
        click.echo(f"{label:8}{value}")
    click.echo("\n" + _readable(item.payload))


@command.command("replay")
@click.argument("item_id", metavar="[ID]", required=False)
@click.option("--site", "site_id", help="Everything of this site.")
@click.option("--reason", type=click.Choice(REASONS), help="Everything set aside for this reason.")
@_stage
def replay_items(item_id: str | None, site_id: str | None, reason: str | None, stage: str | None) -> None:
    """Put items into the log again: one by its ID, or all of a site, or of a reason.

    Do so after what was wrong is mended (the site was added, Footfall was upgraded). An
    item is replayed once; what fails again comes back as a new item.
    """
    import installations
    from eventlog.opening import open_log
    from jobs.replay import REBUILD, replay
    from sinks.quarantine import list_quarantined

    if not (item_id or site_id or reason):
        raise click.UsageError("say what to replay: an ID, --site or --reason")
    settings, name, client = _open(stage)
    plane = open_control(settings)
    installations.check(settings, installations.identify(plane, settings.stage), [name])
    plane.close()
    try:
        database = database_name(name)
        items = [_find(client, name, item_id)] if item_id else list_quarantined(client, database, site_id, ALL)
        wanted = [i for i in items if reason in (None, i.reason) and site_id in (None, i.site_id)]
        layout = layout_of(settings, name)
        log = open_log(settings, name, layout)
        appender = log.appender()
        try:
            rebuild = REBUILD | {
                QuarantineReason.BAD_LINE.value: _lines_again(settings, name, layout),
                QuarantineReason.UNDECODABLE.value: _from_log(log),
            }
            count, left = replay(client, appender, wanted, rebuild, layout.writable)
        finally:
            appender.close(10.0)
    finally:
        client.disconnect()
    click.echo(f"{count:,} of {len(wanted):,} items put into the log again")
    if left:
        click.echo(f"{len(left):,} are as unreadable as before and stay, for example {left[0].id}")


def _from_log(log: EventLog) -> Rebuild:
    """Records an older Footfall could not decode, read again from the log as long as it has them."""
    from eventlog.protocol import OffsetLost
    from footfall.record import DecodeError, decode

    reader = log.reader()

    def rebuild(item: Quarantined) -> list[Appended] | None:
        try:
            (found,) = reader.read(item.log_partition, item.log_offset, 1, 1)
            decode(found.value)
        except (OffsetLost, DecodeError, ValueError):
            return None
        return [(item.log_partition, found.value)]

    return rebuild


def _lines_again(settings: Settings, stage: str, layout: Layout) -> Rebuild:
    """Lines of access logs, parsed once more: a newer Footfall may know them."""
    import time
    from datetime import UTC

    from cli.importer.lines import Line
    from cli.importer.records import RecordMaker
    from footfall.record import encode

    plane = open_control(settings)
    secret, sites = plane.stage_secret(stage), plane.sites()
    plane.close()

    def rebuild(item: Quarantined) -> list[Appended] | None:
        site = sites.get(item.site_id)
        if site is None:
            return None
        host = site.domains[0] if site.domains else site.site_id
        maker = RecordMaker(site.site_id, host, secret, zone=UTC, now_ms=time.time_ns() // 1_000_000)
        made = [*maker.add(Line(item.payload, 0)), *maker.finish()]
        if any(one.record.kind == "quarantine" for one in made):
            return None
        return [(layout.partition_of(one.route), encode(one.record)) for one in made]

    return rebuild


def _find(client: Client, stage: str, item_id: str) -> Quarantined:
    from sinks.quarantine import show

    try:
        item = show(client, database_name(stage), item_id)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if item is None:
        raise click.ClickException(f"no item {item_id}: `footfall quarantine list` shows those there are")
    return item


def _readable(payload: bytes) -> str:
    """A record as JSON, anything else as it is."""
    import msgspec

    from footfall.record import DecodeError, decode

    try:
        return msgspec.json.format(msgspec.json.encode(decode(payload)), indent=2).decode()
    except (DecodeError, msgspec.MsgspecError):
        return payload[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
