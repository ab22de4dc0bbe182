"""`footfall site`: add, list, show, change and remove sites."""

from __future__ import annotations

import time

import click

from cli.common import load_settings
from cli.plane import open_control
from cli.site_check import check
from cli.tables import show_table
from cli.tag import how_to_send
from cli.values import Number
from footfall.sites import DEFAULT_WINDOW_MS, MAX_WINDOW_MS, MIN_WINDOW_MS, Site

MINUTE_MS = 60_000
DEFAULT = "default"  # no name could be that
WINDOW = Number(MIN_WINDOW_MS / MINUTE_MS, MAX_WINDOW_MS / MINUTE_MS)


def now_ms() -> int:
    """The wall clock, UTC milliseconds."""
    return time.time_ns() // 1_000_000


@click.group()
def command() -> None:
    """Add and show sites, and say how to send to them."""


@command.command()
@click.argument("domain")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name; days and hours are cut by it.")
@click.option("--currency", default="", help="ISO 4217 code of the site's revenue.")
@click.option("--window-minutes", type=WINDOW, help="Inactivity that ends a session.")
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
    plane = open_control(settings)
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
    rows = [
        (
            site.site_id, ", ".join(site.domains), site.timezone, site.currency or "-",
            f"{site.window_ms(now_ms()) / MINUTE_MS:g} min", str(len(site.goals)), site.public_id,
        )
        for site in sites
    ]  # fmt: skip
    headers = ("Site", "Domains", "Time zone", "Currency", "Window", "Goals", "Public id")
    show_table(headers, rows, whole=("Site", "Domains", "Public id"))


command.add_command(check)


@command.command()
@click.argument("site")
def show(site: str) -> None:
    """A site's settings, and how to send events to it."""
    settings = load_settings()
    plane = open_control(settings)
    found = plane.site(site)
    plane.close()
    show_table((), _facts(found), whole="*")
    click.echo()
    click.echo(how_to_send(found, settings))


@command.command("set")
@click.argument("site")
@click.option("--timezone", help="IANA name.")
@click.option("--currency", help="ISO 4217 code.")
@click.option("--window-minutes", type=WINDOW, help="Inactivity that ends a session.")
@click.option("--strict-privacy/--no-strict-privacy", default=None, help="GPC or DNT: count nothing at all.")
@click.option("--add-domain", "added", multiple=True, help="Repeatable.")
@click.option("--remove-domain", "removed", multiple=True, help="Repeatable.")
@click.option(
    "--exclude-path", "excluded", multiple=True, help="All paths not to count (replaces them). Repeatable."
)
@click.option("--exclude-nothing", is_flag=True, help="Count every path again.")
@click.option("--script-name", metavar="NAME", help="The script's own name, as in shop.js; `default`: f.js alone.")
@click.option(
    "--endpoint-path", metavar="PATH", help="The batches' own path, as in /s/collect; `default`: /v1/batch alone."
)
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
    script_name: str | None,
    endpoint_path: str | None,
) -> None:
    """Change a site's settings."""
    plane = open_control()
    site_id = plane.site(site).site_id
    plane.update_site(site_id, timezone=timezone, currency=currency, strict_privacy=strict_privacy)
    plane.set_names(site_id, script_name=_name(script_name), endpoint_path=_name(endpoint_path))
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
        click.confirm(f"Forget {site_id}? What its pages and servers send is refused then", abort=True)
    plane.remove_site(site_id)
    plane.close()
    click.echo(f"Site {site_id} is forgotten.")


def _name(given: str | None) -> str | None:
    return "" if given == DEFAULT else given


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
        ("Script", site.script_name or "f.js"),
        ("Endpoint", site.endpoint_path or "/v1/batch"),
        ("Public id", site.public_id),
    ]
