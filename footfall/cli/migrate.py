"""`footfall migrate`: the store's tables, brought up to date."""

from __future__ import annotations

import click

from footfall.cli.common import load_settings


@click.command()
@click.option("--stage", "stages", multiple=True, help="Only this stage's database; may be repeated.")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if something is to be done.")
def command(stages: tuple[str, ...], check: bool) -> None:
    """Create or upgrade the tables. `footfall up` does this by itself at every start."""
    from embedded.prepare import migrate_stages
    from footfall.names import database_name
    from sinks.clickhouse import connect
    from sinks.migrate import pending

    settings = load_settings()
    names = list(stages) or list(settings.topics())
    if check:
        client = connect(settings)
        left = [f"{stage}: {step.number:04d}_{step.name}" for stage in names
                for step in pending(client, database_name(stage))]  # fmt: skip
        client.disconnect()
        click.echo("\n".join(left) or "Everything is up to date.")
        raise click.exceptions.Exit(1 if left else 0)
    done = migrate_stages(settings, names)
    click.echo("\n".join(done) or "Everything is up to date.")
