"""The command line: `footfall COMMAND`.

Each command is a module of this package with an object `command`, imported only when it
is used, so that `footfall --help` is quick.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import cast

import click

import footfall

# Else clickhouse-driver fills tables of all days from 1900 to 2299 in each process that imports it, which takes
# a tenth of a second and 20 MiB. What the command starts inherits this.
os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "when used")

# name: (module, what `footfall --help` says)
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("up", "Start everything and keep it running."),
    "run": ("part", "Run one part alone, where servers or containers are yours."),
    "demo": ("demo", "Start everything, send traffic, watch sessions close."),
    "shop": ("shop", "Serve a made-up shop with the tag, to click through."),
    "micro": ("micro", "Take events in memory and tell what came, for the tests of sites."),
    "status": ("status", "How old is the newest data, and how is every part?"),
    "top": ("top", "Rates, lag, drops and sinks, once a second."),
    "explain": ("explain", "Why an event or a session is what it is."),
    "doctor": ("doctor", "Check the installation and say how to mend what is wrong."),
    "site": ("site", "Add and show sites, and say how to send to them."),
    "key": ("key", "Server keys: create, list, rotate, revoke."),
    "goal": ("goal", "A site's goals."),
    "import": ("importing", "Turn access logs into sessions."),
    "quarantine": ("quarantine", "What could not be processed: list, show, replay."),
    "repair": ("repair", "Make sessions anew from the events."),
    "log": ("log", "The event log: show what it consists of, grow it."),
    "replay": ("replay", "Compute events anew from the raw archive."),
    "job": ("job", "Scheduled work: list, run."),
    "worker": ("worker", "Who works on which partition: list, release, reset."),
    "backup": ("backup", "Back up control plane, store and objects."),
    "restore": ("restore", "Put a backup into an empty installation."),
    "migrate": ("migrate", "Bring the store's tables up to date."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The module's `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"cli.{COMMANDS[cmd_name][0]}")
        return cast(click.Command, module.command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; errors become one plain message."""
        from cli.common import shown_plainly

        with shown_plainly(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(footfall.__version__, prog_name="footfall")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept (FOOTFALL_DATA_DIR, by default ./data).",
)
def main(debug: bool, data_dir: Path | None) -> None:  # noqa: ARG001 - read in LazyGroup.invoke
    """Footfall: streaming web analytics. Settings are environment variables, FOOTFALL_..."""
    if data_dir is not None:
        os.environ["FOOTFALL_DATA_DIR"] = str(data_dir)


if __name__ == "__main__":
    sys.exit(main())
