"""`footfall goal`: what counts as a conversion on a site."""

from __future__ import annotations

import click

from cli.plane import open_control
from cli.tables import show_table
from footfall.sites import Goal


@click.group()
def command() -> None:
    """A site's goals."""


@command.command()
@click.argument("site")
@click.argument("name")
@click.option("--event", default="", help="Name of the event that reaches the goal.")
@click.option("--path", default="", help="Path pattern: * within a segment, ** anything.")
@click.option("--prop", "props", multiple=True, metavar="KEY=VALUE", help="A property it must carry. Repeatable.")
def add(site: str, name: str, event: str, path: str, props: tuple[str, ...]) -> None:
    """Add a goal to SITE, or replace the one of that NAME. All that is given must match."""
    plane = open_control()
    site_id = plane.site(site).site_id
    plane.set_goal(site_id, Goal(name=name, event=event, path=path, props=tuple(map(_pair, props))))
    plane.close()
    click.echo(f"Goal {name} of {site_id} counts from now on.")
    click.echo(f"To apply it to history: footfall repair --site {site_id}")


@command.command("list")
@click.argument("site")
def list_(site: str) -> None:
    """The goals of SITE."""
    plane = open_control()
    found = plane.site(site)
    plane.close()
    if not found.goals:
        click.echo(f"{found.site_id} has no goals: add one with `footfall goal add {found.site_id} NAME ...`.")
        return
    rows = [
        (goal.name, goal.event or "any", goal.path or "any", ", ".join(f"{k}={v}" for k, v in goal.props) or "any")
        for goal in found.goals
    ]
    show_table(("Goal", "Event", "Path", "Properties"), rows, whole=("Goal",))


@command.command()
@click.argument("site")
@click.argument("name")
def remove(site: str, name: str) -> None:
    """Remove the goal NAME from SITE."""
    plane = open_control()
    site_id = plane.site(site).site_id
    plane.remove_goal(site_id, name)
    plane.close()
    click.echo(f"Goal {name} of {site_id} counts no more.")
    click.echo(f"To take it out of history: footfall repair --site {site_id}")


def _pair(text: str) -> tuple[str, str]:
    key, found, value = text.partition("=")
    if not found or not key:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--prop")
    return key, value
