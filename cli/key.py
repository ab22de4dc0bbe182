"""`footfall key`: secret keys for servers that send events."""

from __future__ import annotations

import time

import click

from cli.plane import open_control
from cli.site import now_ms
from cli.tables import show_table
from cli.values import Number
from control import KeyInfo
from control.keys import BURSTS, DAY_MS, DEFAULT_BURST, DEFAULT_RATE, MAX_LIFE_DAYS, OVERLAP_HOURS, RATES

DAYS, OVERLAP = Number(0, MAX_LIFE_DAYS, min_open=True), Number(*OVERLAP_HOURS)


@click.group()
def command() -> None:
    """Server keys: create, list, rotate, revoke."""


@command.command()
@click.argument("site")
@click.option("--label", default="", help="What the key is for.")
@click.option("--rate", type=Number(*RATES), default=DEFAULT_RATE, show_default=True, help="Events a second.")
@click.option("--burst", type=Number(*BURSTS), default=DEFAULT_BURST, show_default=True, help="Events at once.")
@click.option("--expires-days", type=DAYS, help="Valid for that long (default: until revoked).")
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
    rows = [
        (
            key.key_id, key.site_id, key.label or "-", _state(key, now), f"{key.rate:.12g}", f"{key.burst:.12g}",
            ", ".join((*key.domains, *key.networks)) or "-", _date(key.created_at), _date(key.expires_at),
        )
        for key in keys
    ]  # fmt: skip
    headers = ("Key", "Site", "Label", "State", "Rate/s", "Burst", "Limited to", "Made", "Expires")
    show_table(headers, rows, whole=("Key", "Site", "State", "Limited to"))


@command.command()
@click.argument("key_id")
@click.option(
    "--overlap-hours",
    type=Number(*OVERLAP_HOURS),
    default=24.0,
    show_default=True,
    help="How long the old one stays valid.",
)
def rotate(key_id: str, overlap_hours: float) -> None:
    """Make a successor of KEY_ID with the same rights."""
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


def _state(key: KeyInfo, now: int) -> str:
    return key.state(now) + (f", followed by {key.rotated_to}" if key.rotated_to else "")


def _date(at_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at_ms / 1000)) if at_ms else "-"
