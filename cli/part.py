"""`footfall run PART`: one part alone, as a service or a container of its own."""

from __future__ import annotations

import os

import click

from cli.common import load_settings

PARTS = ("gateway", "flow", "jobs", "store", "valkey")


@click.command()
@click.argument("part", type=click.Choice(PARTS))
def command(part: str) -> None:
    """Run one part in the foreground: gateway, flow, jobs, store or valkey.

    It becomes that part's process, so signals go to it and its exit code is what you get: 0 after
    SIGTERM or Ctrl-C once it has drained, anything else calls for starting it again. It logs to the
    terminal. Run `footfall migrate` before, and again after every upgrade.
    """
    from embedded.paths import environment, make_dirs, resolve
    from embedded.stack import UNBUFFERED, parts

    settings = resolve(load_settings())
    if part == "flow" and settings.worker is None and settings.workers > 1:
        raise click.ClickException(f"say which of the {settings.workers} workers: set FOOTFALL_WORKER")
    argv = {one.name: one.argv for one in parts(settings)}.get(part)
    if argv is None:
        raise click.ClickException(f"the settings name a {part} of your own: there is none to run")
    if part in ("flow", "store", "valkey"):  # they keep things there; the others use what is named
        make_dirs(settings.data_dir)
    os.execve(argv[0], argv, {**os.environ, **environment(settings), **UNBUFFERED})  # noqa: S606 - our own list
