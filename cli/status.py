"""`footfall status`: is data arriving, and how is every part?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from cli.tables import show_table

if TYPE_CHECKING:
    from cli.state import Health


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def command(as_json: bool) -> None:
    """Show how old the newest stored data are, then how every part is.

    The first line decides: the gateway writes a heartbeat into every partition of the log,
    and its age in the store says whether anything gets through, whatever runs. Exit code 0
    if it is young enough, the books add up and the jobs get done, else 1.
    """
    from cli.health import look
    from embedded.paths import resolve

    health = look(resolve(load_settings()))
    if as_json:
        click.echo(json.dumps(health.as_dict(), indent=1))
    else:
        _show(health)
    sys.exit(0 if health.ok else 1)


def _show(health: Health) -> None:
    from rich.console import Console
    from rich.markup import escape

    from embedded.view import COLOURS, duration

    console = Console(highlight=False, soft_wrap=True)
    colour = "green" if health.ok else "red"
    console.print(f"[bold {colour}]{'OK' if health.ok else 'NOT OK'}[/]  {escape(health.verdict)}")
    if health.parts:
        rows = [
            (one.name, one.state, f"{one.pid or '-'}", duration(one.up_s) if one.pid else "-", f"{one.restarts}")
            for one in health.parts
        ]
        numbers = ("process", "up", "restarts")
        colours = dict.fromkeys((part.state for part in health.parts), "red") | COLOURS
        show_table(("part", "state", *numbers), rows, right=numbers, colours=colours, framed=False)
    for line in health.lines():
        console.print(escape(line))
