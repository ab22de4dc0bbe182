"""`footfall log show | grow`: what the event log consists of, and more partitions for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.plane import open_control
from cli.tables import show_table
from footfall.settings import Settings

if TYPE_CHECKING:
    from control import Control
    from footfall.generations import Generation, Layout

SERVED_TIMEOUT_S = 120.0
POLL_S = 0.25
_stage = click.option("--stage", help="Another stage that is served here, such as dev.")


@click.group("log")
def command() -> None:
    """The event log: what it consists of, and more partitions for it."""


@command.command("show")
@_stage
def show(stage: str | None) -> None:
    """The generations of the log: their partitions, what waits in them, and which are drained."""
    settings, name = _served(stage)
    plane = open_control(settings)
    try:
        layout = plane.log_layout(name, settings.topics()[name])
        rows = [
            (str(one.number), _topic(name, one), _numbers(one), *_state(settings, plane, name, layout, one))
            for one in layout.generations
        ]
    finally:
        plane.close()
    show_table(("generation", "topic", "partitions", "waiting", "state"), rows, right=("waiting",))


@command.command("grow")
@click.option("--partitions", type=click.IntRange(1), required=True, help="How many the log is to have.")
@_stage
def grow(partitions: int, stage: str | None) -> None:
    """Give the log more partitions, while everything runs.

    A topic with so many is made, and once the flow reads it, new events go there. The topic before it is
    read until nothing of it is open any more; `footfall log show` tells when that is. Given again after it
    was broken off, the command goes on.
    """
    from cli.importer.store import stored_positions

    settings, name = _served(stage)
    plane = open_control(settings)
    try:
        stored_positions(settings, name)  # where the store does not run nothing is begun
        added = _add(settings, plane, name, partitions)
        _wait_until_read(settings, name, added)
        _open(settings, plane, name, added)
        _tell_next(settings, plane, name, added)
    finally:
        plane.close()


def _add(settings: Settings, plane: Control, stage: str, partitions: int) -> Generation:
    """The generation that waits to be read: made now, or by a command that was broken off."""
    from eventlog.opening import partitions_made, prepare_log
    from footfall.generations import Layout

    begun = settings.topics()[stage]
    layout = plane.log_layout(stage, begun)
    if layout.waiting is not None and layout.waiting.partitions == partitions:
        click.echo(f"generation {layout.waiting.number} was made before; going on with it")
        return layout.waiting
    # The topic first: what the control plane names the flow expects to be there.
    planned = layout.next(partitions, _now())
    made = partitions_made(settings, stage, planned.number)
    if made not in (0, partitions):
        raise click.ClickException(
            f"{_topic(stage, planned)} is there already, with {made} partitions, of another `footfall log grow`. "
            f"Where that one was broken off: give --partitions {made} to go on with it (and grow once more for "
            "another number), or delete the topic"
        )
    for step in prepare_log(settings, stage, Layout((*layout.generations, planned))):
        click.echo(step)
    added = plane.add_generation(stage, begun, partitions, now=_now()).generations[-1]
    click.echo(f"generation {added.number}: {_topic(stage, added)}, partitions {_numbers(added)}")
    return added


def _wait_until_read(settings: Settings, stage: str, added: Generation) -> None:
    """Until the flow has stored a heartbeat of each of its partitions."""
    from rich.progress import Progress

    from cli.importer.store import stored_positions

    deadline = time.monotonic() + SERVED_TIMEOUT_S + 3 * settings.heartbeat_seconds
    with Progress(transient=True) as bar:
        task = bar.add_task("waiting until the flow reads it", total=added.partitions)
        while (read := len(set(added.numbers) & stored_positions(settings, stage).keys())) < added.partitions:
            bar.update(task, completed=read)
            if time.monotonic() > deadline:
                raise click.ClickException(
                    f"the flow reads {read} of the {added.partitions} new partitions. Does it run, and a gateway "
                    "(see `footfall status`), and may both use the new topic? Nothing has changed for events: "
                    "they go where they went. Once that is mended, give the same command again."
                )
            time.sleep(POLL_S)


def _open(settings: Settings, plane: Control, stage: str, added: Generation) -> None:
    """Have events go there, unless another command that went on with it has done so meanwhile."""
    if plane.log_layout(stage, settings.topics()[stage]).newest.number >= added.number:
        click.echo(f"another `footfall log grow` has taken generation {added.number} into use meanwhile")
    else:
        plane.open_generation(stage, added.number, now=_now())


def _tell_next(settings: Settings, plane: Control, stage: str, added: Generation) -> None:
    layout = plane.log_layout(stage, settings.topics()[stage])
    older = [one for one in layout.served if one.number < added.number]
    click.echo(f"events of stage {stage} go to generation {added.number} within seconds")
    for one in older:
        at = _time(_drained_from(settings, plane, stage, layout, one))
        click.echo(
            f"generation {one.number} is read on: it is drained once nobody has written to it for long enough, at "
            f"{at} UTC at the earliest (`footfall log show`)"
        )


def _state(settings: Settings, plane: Control, stage: str, layout: Layout, one: Generation) -> tuple[str, str]:
    """Records that wait to be stored, and how it is, in words."""
    if one.is_drained:
        return "0", f"drained since {_time(one.drained_at)} UTC"
    waiting = _waiting(settings, stage, one)
    if one is layout.newest:
        return waiting, "in use"
    if one is layout.waiting:
        other = "" if stage == settings.stage else f" --stage {stage}"
        return waiting, f"not in use yet: `footfall log grow{other} --partitions {one.partitions}` goes on with it"
    at = _time(_drained_from(settings, plane, stage, layout, one))
    return waiting, f"drained at {at} UTC if nobody writes to it any more"


def _waiting(settings: Settings, stage: str, one: Generation) -> str:
    from cli.importer.store import stored_positions
    from embedded.probe import StoreError
    from eventlog.opening import is_generation_made, open_generation
    from eventlog.protocol import LogUnreachable, WrongLogError

    if not is_generation_made(settings, stage, one):
        return "none yet"
    try:
        stored = stored_positions(settings, stage)
        reader = open_generation(settings, stage, one).reader()
    except (LogUnreachable, WrongLogError, StoreError) as error:
        click.echo(str(error), err=True)
        return "unknown"
    try:
        ends = {number: reader.bounds(number - one.first)[1] for number in one.numbers}
    finally:
        reader.close()
    return f"{sum(max(0, end - stored.get(number, 0)) for number, end in ends.items()):,}"


def _drained_from(settings: Settings, plane: Control, stage: str, layout: Layout, one: Generation) -> int:
    from jobs.draining import drained_from
    from jobs.job import JobContext

    return drained_from(JobContext(settings=settings, control=plane), stage, layout, one)


def _served(stage: str | None) -> tuple[Settings, str]:
    """The settings, and the stage that is meant."""
    from embedded.paths import resolve

    settings = resolve(load_settings())
    name = stage or settings.stage
    if name not in settings.topics():
        raise click.UsageError(f"no stage {name} here: there are {', '.join(settings.topics())}")
    return settings, name


def _topic(stage: str, one: Generation) -> str:
    from footfall.names import RAW_TOPIC, topic_name

    return topic_name(stage, RAW_TOPIC, one.number)


def _numbers(one: Generation) -> str:
    return f"{one.first} to {one.numbers[-1]}" if one.partitions > 1 else str(one.first)


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _now() -> int:
    return time.time_ns() // 1_000_000
