"""`footfall site`: add, list, show, change and remove sites."""

from __future__ import annotations

import time

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import control
from footfall.cli.common import load_settings
from footfall.settings import Settings
from footfall.sites import DEFAULT_WINDOW_MS, Site

MINUTE_MS = 60_000


def now_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


def open_control() -> control.Control:
    """The control plane of the settings."""
    return control.open(load_settings().control_plane_url())


@click.group()
def command() -> None:
    """Add and show sites, and print their tag."""


@command.command()
@click.argument("domain")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name; days and hours are cut by it.")
@click.option("--currency", default="", help="ISO 4217 code of the site's revenue.")
@click.option("--window-minutes", type=float, help="Inactivity that ends a session.")
@click.option("--domain", "domains", multiple=True, help="A further domain (with its subdomains). Repeatable.")
@click.option("--strict-privacy", is_flag=True, help="GPC or DNT: count nothing at all.")
def add(
    domain: str,
    timezone: str,
    currency: str,
    window_minutes: float | None,
    domains: tuple[str, ...],
    strict_privacy: bool,
) -> None:
    """Add the site DOMAIN; its subdomains are part of it."""
    settings = load_settings()
    plane = control.open(settings.control_plane_url())
    minutes = settings.session_window_minutes if window_minutes is None else window_minutes
    made = plane.add_site(
        domain,
        now=now_ms(),
        timezone=timezone,
        currency=currency,
        window_ms=round(minutes * MINUTE_MS),
        domains=domains,
        strict_privacy=strict_privacy,
    )
    plane.close()
    click.echo(f"Site {made.site_id} is there.\n")
    click.echo(how_to_send(made, settings))


@command.command("list")
def list_() -> None:
    """All sites."""
    plane = open_control()
    sites = plane.sites().by_id.values()
    plane.close()
    if not sites:
        click.echo("There is no site yet: add one with `footfall site add shop.example.com`.")
        return
    table = Table("Site", "Domains", "Time zone", "Currency", "Window", "Goals", "Public id")
    for site in sites:
        row = (
            site.site_id, ", ".join(site.domains), site.timezone, site.currency or "-",
            f"{site.window_ms(now_ms()) / MINUTE_MS:g} min", str(len(site.goals)), site.public_id,
        )  # fmt: skip
        table.add_row(*map(escape, row))
    Console().print(table)


@command.command()
@click.argument("site")
def show(site: str) -> None:
    """A site's settings, its tag, and how to send an event."""
    settings = load_settings()
    plane = control.open(settings.control_plane_url())
    found = plane.site(site)
    plane.close()
    table = Table(show_header=False)
    for name, value in _facts(found):
        table.add_row(name, escape(value))
    Console().print(table)
    click.echo(how_to_send(found, settings))


@command.command("set")
@click.argument("site")
@click.option("--timezone", help="IANA name.")
@click.option("--currency", help="ISO 4217 code.")
@click.option("--window-minutes", type=float, help="Inactivity that ends a session.")
@click.option("--strict-privacy/--no-strict-privacy", default=None, help="GPC or DNT: count nothing at all.")
@click.option("--add-domain", "added", multiple=True, help="Repeatable.")
@click.option("--remove-domain", "removed", multiple=True, help="Repeatable.")
@click.option(
    "--exclude-path", "excluded", multiple=True, help="All paths not to count (replaces them). Repeatable."
)
@click.option("--exclude-nothing", is_flag=True, help="Count every path again.")
def set_(
    site: str,
    timezone: str | None,
    currency: str | None,
    window_minutes: float | None,
    strict_privacy: bool | None,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    excluded: tuple[str, ...],
    exclude_nothing: bool,
) -> None:
    """Change a site's settings."""
    plane = open_control()
    site_id = plane.site(site).site_id
    plane.update_site(site_id, timezone=timezone, currency=currency, strict_privacy=strict_privacy)
    for domain in added:
        plane.add_domain(site_id, domain)
    for domain in removed:
        plane.remove_domain(site_id, domain)
    if excluded or exclude_nothing:
        plane.set_excluded_paths(site_id, excluded)
    if window_minutes is not None:
        window = plane.set_window(site_id, round(window_minutes * MINUTE_MS), now=now_ms())
        when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(window.valid_from / 1000))
        click.echo(f"The new window holds for events from {when} on.")
    plane.close()
    click.echo(f"Site {site_id} is changed; everything running hears of it within seconds.")


@command.command()
@click.argument("site")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(site: str, yes: bool) -> None:
    """Forget a site with its goals and keys. What is stored of it stays until retention takes it."""
    plane = open_control()
    site_id = plane.site(site).site_id
    if not yes:
        click.confirm(f"Forget {site_id}? Its tag and its keys stop working", abort=True)
    plane.remove_site(site_id)
    plane.close()
    click.echo(f"Site {site_id} is forgotten.")


def how_to_send(site: Site, settings: Settings) -> str:
    """The tag and a first event."""
    address = f"http://{settings.gateway_host}:{settings.gateway_port}"
    body = f'{{"events":[{{"name":"page_view","url":"https://{site.domains[0]}/","title":"Hello"}}]}}'
    return (
        "Put this tag on every page (with the public address of your gateway). The script comes with\n"
        "sdk-js, which is not part of this version yet; without it the pixel counts page views:\n\n"
        f'  <script defer src="{address}/sdk.js" data-site="{site.public_id}"></script>\n'
        f'  <img src="{address}/v1/pixel.gif?site={site.public_id}" alt="" referrerpolicy="unsafe-url">\n\n'
        "Send a first event (each time you do counts, for it carries no id):\n\n"
        f"  curl {address}/v1/batch -H 'Content-Type: application/json' \\\n"
        f"    -H 'X-Footfall-Site: {site.public_id}' \\\n"
        f"    -d '{body}'\n"
    )


def _facts(site: Site) -> list[tuple[str, str]]:
    window = site.window_ms(now_ms()) if site.windows else DEFAULT_WINDOW_MS
    return [
        ("Site", site.site_id),
        ("Domains", ", ".join(site.domains)),
        ("Time zone", site.timezone),
        ("Currency", site.currency or "-"),
        ("Session window", f"{window / MINUTE_MS:g} minutes"),
        ("GPC, DNT", "count nothing" if site.strict_privacy else "count without any id that lasts"),
        ("Excluded paths", ", ".join(site.excluded_paths) or "-"),
        ("Goals", ", ".join(goal.name for goal in site.goals) or "-"),
        ("Public id", site.public_id),
    ]
