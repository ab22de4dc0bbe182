"""`footfall doctor`: what is wrong here, and how to mend it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from cli.common import load_settings

MARKS = {"ok": "[green]ok[/]  ", "warn": "[yellow]warn[/]", "bad": "[red]bad[/] "}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write all that a helper needs into this archive, without secrets and contents.",
)
def command(as_json: bool, bundle: Path | None) -> None:
    """Check ports, disk, clock, versions, secrets, every part, and what recent events look
    like (a proxy that hides its visitors, bots everywhere).

    Each finding says how to mend it. Exit code 1 if something is bad, else 0.
    """
    import msgspec
    from rich.console import Console
    from rich.markup import escape

    from cli.checks import examine
    from embedded.paths import resolve

    settings = resolve(load_settings())
    findings = examine(settings)
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(finding) for finding in findings], indent=1))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            console.print(f"{MARKS[finding.state]} {finding.what:<10} {escape(finding.found)}")
            if finding.mend:
                console.print(f"     -> {escape(finding.mend)}")
    if bundle is not None:
        from cli.bundle import write_bundle

        names = write_bundle(bundle, settings, findings)
        click.echo(
            f"{bundle}: {len(names)} files ({', '.join(names)}). Look through it before you send it.", err=True
        )
    sys.exit(1 if any(finding.state == "bad" for finding in findings) else 0)
