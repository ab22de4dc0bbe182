"""`footfall key`: secret keys for servers that send events."""

from __future__ import annotations

import time

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from control.keys import DEFAULT_BURST, DEFAULT_RATE
from footfall.cli.site import now_ms, open_control

DAY_MS = 86_400_000


@click.group()
def command() -> None:
    """Server keys: create, list, rotate, revoke."""


@command.command()
@click.argument("site")
@click.option("--label", default="", help="What the key is for.")
@click.option("--rate", default=DEFAULT_RATE, show_default=True, help="Events a second.")
@click.option("--burst", default=DEFAULT_BURST, show_default=True, help="Events at once.")
@click.option("--expires-days", type=float, help="Valid for that long (default: until revoked).")
@click.option("--domain", "domains", multiple=True, help="Refuse other origins. Repeatable.")
@click.option("--network", "networks", multiple=True, help="Valid from this network only. Repeatable.")
def create(
    site: str,
    label: str,
    rate: float,
    burst: float,
    expires_days: float | None,
    domains: tuple[str, ...],
    networks: tuple[str, ...],
) -> None:
    """Make a key for SITE. It is shown once."""
    plane = open_control()
    now = now_ms()
    info, text = plane.create_key(
        plane.site(site).site_id,
        now=now,
        label=label,
        rate=rate,
        burst=burst,
        expires_at=0 if expires_days is None else now + round(expires_days * DAY_MS),
        domains=domains,
        networks=networks,
    )
    plane.close()
    click.echo(f"Key {info.key_id} for {info.site_id}. It is shown this once, keep it secret:\n\n  {text}\n")


@command.command("list")
@click.argument("site", required=False)
def list_(site: str | None) -> None:
    """All keys, or those of SITE."""
    plane = open_control()
    keys = plane.list_keys(plane.site(site).site_id if site else "")
    plane.close()
    if not keys:
        click.echo("There is no key yet: make one with `footfall key create SITE`.")
        return
    now = now_ms()
    table = Table("Key", "Site", "Label", "State", "Rate/s", "Burst", "Limited to", "Made", "Expires")
    for key in keys:
        limited = ", ".join((*key.domains, *key.networks)) or "-"
        row = (
            key.key_id, key.site_id, key.label or "-", key.state(now), f"{key.rate:g}", f"{key.burst:g}",
            limited, _date(key.created_at), _date(key.expires_at),
        )  # fmt: skip
        table.add_row(*map(escape, row))
    Console().print(table)


@command.command()
@click.argument("key_id")
@click.option("--overlap-hours", default=24.0, show_default=True, help="How long the old key stays valid.")
def rotate(key_id: str, overlap_hours: float) -> None:
    """Make a successor of KEY_ID with the same rights."""
    if overlap_hours < 0:
        raise click.BadParameter("0 or more", param_hint="--overlap-hours")
    plane = open_control()
    info, text = plane.rotate_key(key_id, now=now_ms(), overlap_hours=overlap_hours)
    plane.close()
    click.echo(f"Key {info.key_id} follows {key_id}, which is valid for {overlap_hours:g} more hours.")
    click.echo(f"It is shown this once, keep it secret:\n\n  {text}\n")


@command.command()
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Refuse KEY_ID from now on (gateways hear of it within 5 seconds)."""
    plane = open_control()
    plane.revoke_key(key_id, now=now_ms())
    plane.close()
    click.echo(f"Key {key_id} is revoked.")


def _date(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at_ms / 1000)) if at_ms else "-"
