"""`footfall migrate`: the store, the control plane and the log, brought up to date."""

from __future__ import annotations

import click

from cli.common import load_settings
from cli.layout import layout_of
from footfall.settings import Settings


@click.command()
@click.option("--stage", "stages", multiple=True, help="Only this stage; may be repeated.")
@click.option("--again", is_flag=True, help="Every step once more: for a replica that was added to the cluster.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if something is to be done.")
@click.option(
    "--take-over", is_flag=True, help="Take the stages' place on shared servers from another installation."
)
def command(stages: tuple[str, ...], again: bool, check: bool, take_over: bool) -> None:
    """Create or upgrade the tables of the store and, without --stage, of the control plane; make and
    check the log's topics on Kafka, and the bucket where a raw archive is kept; leave this installation's
    mark, so that no other serves the stage too.

    `footfall up` does this by itself at every start.
    """
    import installations
    from embedded.prepare import migrate_stages, prepare_archive
    from eventlog.opening import prepare_log
    from footfall.names import database_name
    from sinks.clickhouse import connect
    from sinks.migrate import pending

    settings = load_settings()
    plane = [] if stages else _control_plane(settings, check)
    if plane:
        click.echo("\n".join(plane))
    layouts = {name: layout_of(settings, name) for name in stages or settings.topics()}
    installation = _installation(settings, check, take_over)
    if not take_over:
        installations.check(settings, installation, layouts)
    if check:
        left = [
            f"{stage}: {step}"
            for stage, layout in layouts.items()
            for step in prepare_log(settings, stage, layout, change=False)
        ]
        client = connect(settings)
        left += [f"{stage}: {step.number:04d}_{step.name}" for stage in layouts
                 for step in pending(client, database_name(stage))]  # fmt: skip
        client.disconnect()
        left += prepare_archive(settings, layouts, change=False)
        if installation:
            left += installations.claim(
                settings, installation, layouts, installations.DURABLE, take_over=take_over, change=False
            )
        _tell(left, plane)
        raise click.exceptions.Exit(1 if left or plane else 0)
    done = migrate_stages(settings, layouts, again=again) + prepare_archive(settings, layouts)
    if installation:
        done += installations.claim(settings, installation, layouts, take_over=take_over)
    _tell(done, plane)


def _tell(steps: list[str], before: list[str]) -> None:
    if steps or not before:
        click.echo("\n".join(steps) or "Everything is up to date.")


def _installation(settings: Settings, check: bool, take_over: bool) -> str:
    """Its id; empty where there is no control plane yet, which owns nothing."""
    import control
    import installations
    from cli.plane import control_file

    path = control_file(settings)
    if path is not None and not path.exists():
        return ""
    if control.missing_steps(settings.control_plane_url()):
        return ""
    plane = control.open(settings.control_plane_url())
    try:
        if check:
            return installations.identify(plane, settings.stage)
        return installations.settle(plane, settings.stage, take_over=take_over)
    finally:
        plane.close()


def _control_plane(settings: Settings, check: bool) -> list[str]:
    """What was done, or is to be done. No file is made: in the wrong directory that would begin
    a second Footfall."""
    import control
    from cli.plane import control_file

    path = control_file(settings)
    if path is not None and not path.exists():
        return []
    steps = control.missing_steps(settings.control_plane_url())
    if steps and not check:
        control.open(settings.control_plane_url()).close()
    return [f"control plane: {step}" for step in steps]
