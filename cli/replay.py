"""`footfall replay`: a site's days out of the raw archive, computed anew."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.plane import open_control
from cli.tables import show_table
from footfall.settings import Settings

if TYPE_CHECKING:
    from cli.replaying.reading import Found
    from cli.replaying.state import Asked, State
    from control import Control
    from objects.protocol import ObjectStore

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--site", "site_name", required=True, help="The site.")
@click.option("--from", "first", required=True, type=_DAY, help="From this UTC day of receipt on.")
@click.option("--to", "last", required=True, type=_DAY, help="Up to and with this day.")
@click.option(
    "--redo", multiple=True, type=click.Choice(["geo", "bot"]), help="Work this out anew too; may be repeated."
)
@click.option("--stage", help="Another stage than the settings'.")
@click.option("--anew", is_flag=True, help="Begin again, where a replay was not finished.")
@click.option("--dry-run", is_flag=True, help="Only show what the archive has.")
def command(
    site_name: str, first: datetime, last: datetime, redo: tuple[str, ...], stage: str | None, anew: bool,
    dry_run: bool,
) -> None:  # fmt: skip
    """Compute a site's events anew from the raw archive, after a rule was wrong: docs/archive.md.

    Ids, times, visitors, places and bots stay as they were found out then; all else is redone, what
    is dropped now is withdrawn, and sessions and rollups follow. Killed, the same command goes on
    where it was; done twice it changes nothing. Live traffic goes on beside it.
    """
    from cli.replaying.reading import UnreadableArchive, days_between, find
    from cli.replaying.state import Asked
    from embedded.paths import resolve
    from objects.opening import open_objects

    if first > last:
        raise click.UsageError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}: no day is in between")
    settings = resolve(load_settings())
    name = stage or settings.stage
    if name not in settings.topics():
        raise click.UsageError(f"no stage {name} here: there are {', '.join(settings.topics())}")
    with closing(open_control(settings)) as plane:
        site_id = plane.site(site_name).site_id
        store = open_objects(settings, name)
        objects = find(store, site_id, days_between(first.date(), last.date()))
        if not objects:
            raise click.ClickException(_nothing(settings, site_id, first.date(), last.date()))
        try:
            if dry_run:
                _show(store, objects, site_id)
            else:
                asked = Asked(
                    stage=name,
                    site_id=site_id,
                    first=first.date().isoformat(),
                    last=last.date().isoformat(),
                    redo=tuple(sorted(set(redo))),
                )
                _replay(settings, plane, store, objects, asked, anew)
        except UnreadableArchive as error:
            raise click.ClickException(str(error)) from error


def _nothing(settings: Settings, site_id: str, first: date, last: date) -> str:
    said = f"the archive has nothing of {site_id} from {first} to {last}. "
    if settings.archive_days:
        return said + (
            f"It is kept for {settings.archive_days} days, and what came in the last {settings.archive_minutes:g} "
            "minutes is not in it yet"
        )
    return said + "None is kept: FOOTFALL_ARCHIVE_DAYS says for how long (docs/archive.md)"


def _show(store: ObjectStore, objects: list[Found], site_id: str) -> None:
    """What there is, by day."""
    from cli.progress import ProgressBar
    from cli.replaying.reading import entries_after, record_of

    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])  # records, events, not replayed
    with ProgressBar("events", sum(one.size for one in objects)) as bar:
        for position, entry in entries_after(store, objects, done=lambda one: bar.moved(0, one.size)):
            record = record_of(site_id, position.partition, entry, 0)
            count = counts[position.day]
            count[0] += 1
            events = len(record.events) - len(entry.left_out)
            count[1] += events
            count[2] += len(entry.left_out)
            bar.moved(events, 0)
    rows = []
    for day, (records, events, left_out) in sorted(counts.items()):
        of_day = [one for one in objects if one.place.date == day]
        size = sum(one.size for one in of_day) / 1024
        rows.append((day, f"{len(of_day):,}", f"{size:,.0f}", f"{records:,}", f"{events:,}", f"{left_out:,}"))
    headers = ("day (UTC)", "objects", "KiB", "records", "events", "left out")
    show_table(headers, rows, right=headers[1:])
    click.echo("Left out: duplicates, and what went into quarantine. Nothing was changed.")


def _replay(
    settings: Settings, plane: Control, store: ObjectStore, objects: list[Found], asked: Asked, anew: bool
) -> None:
    from cli.importer.sessions import make_sessions
    from cli.progress import ProgressBar
    from cli.replaying.outcome import became
    from cli.replaying.run import run
    from cli.replaying.state import leased, save

    with leased(plane, asked.stage) as lease, ProgressBar("events", sum(one.size for one in objects)) as bar:
        state = _begin(settings, plane, asked, anew)
        run(settings, plane, store, objects, state, bar, lease)
        found = became(settings, asked.stage, asked.site_id, state.number)
        state.done = True
        save(plane, state)
        bar.phase("making sessions")
        repaired = make_sessions(settings, plane, bar.tick)
    click.echo(f"replay {state.number}: {state.records:,} records, {state.events:,} events of {asked.site_id}")
    left = state.events - found.stored - found.withdrawn
    click.echo(f"  {found.stored:>12,}  stored anew")
    click.echo(f"  {found.withdrawn:>12,}  withdrawn: a rule drops them now")
    click.echo(f"  {left:>12,}  as they were: dropped then and now, duplicates, or in quarantine")
    click.echo(f"sessions: {repaired}. Rollups follow within minutes.")


def _begin(settings: Settings, plane: Control, asked: Asked, anew: bool) -> State:
    """The replay to go on with, or a new one."""
    from cli.replaying.outcome import highest_number
    from cli.replaying.state import State, load, save

    last = load(plane, asked.stage)
    if last is not None and not last.done and not anew:
        if last.asked == asked:
            click.echo(f"going on with replay {last.number}; --anew begins again", err=True)
            return last
        raise click.ClickException(
            f"another replay is not finished: `{last.asked.command}` goes on with it. With --anew this one "
            "begins, and that one stays half done"
        )
    # Above all that is stored as well: the control plane may have been restored.
    number = 1 + max(last.number if last else 0, highest_number(settings, asked.stage))
    state = State(number=number, asked=asked)
    save(plane, state)
    return state
