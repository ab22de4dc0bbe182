"""Checks of recent events: do they look like people on many devices?"""

from __future__ import annotations

from cli.checks.finding import Finding, ok, warn
from embedded.probe import StoreError, http_ok, query_store
from footfall.names import database_name
from footfall.settings import Settings

ENOUGH = 200  # events of a day, below which nothing can be said
VISITORS = (
    "SELECT site_id, count(), uniqExact(visitor_id), "
    "uniqExact((browser, browser_version, os, os_version, device_type)) FROM {}.events_v1 "
    "WHERE received_at > now64(3, 'UTC') - INTERVAL 1 DAY AND source = 'browser' "
    "AND bot = '' AND id_kind = 'daily' GROUP BY site_id"
)
BOTS = (
    "SELECT site_id, count(), countIf(bot != ''), topKIf(1)(bot, bot != '')[1] FROM {}.events_v1 "
    "WHERE received_at > now64(3, 'UTC') - INTERVAL 1 DAY AND source = 'browser' GROUP BY site_id"
)
MOSTLY = 0.9
PROXY_MEND = (
    "every visitor comes from one address: the proxy before the gateway hides them. Let it send "
    "X-Forwarded-For, and set FOOTFALL_TRUSTED_PROXIES to its address (docs/behind-a-proxy.md)"
)


def proxy_header(settings: Settings) -> list[Finding]:
    """Whether a proxy sends addresses that are not believed."""
    ignored = ignored_proxies(settings)
    if ignored:
        return warn(
            "proxy",
            f"{ignored:,} requests since the gateway's start came through a proxy that is not trusted",
            "set FOOTFALL_TRUSTED_PROXIES to the proxy's address (docs/behind-a-proxy.md)",
        )
    return []


def addresses(settings: Settings) -> list[Finding]:
    """Daily visitors that are all one visitor, or all from one browser and place.

    The store holds no addresses, so a hidden one shows as this: without consent, everybody
    with the same browser becomes one visitor.
    """
    rows = _rows(settings, VISITORS)
    findings = []
    for site_id, events, visitors, agents in rows or []:
        if int(visitors) == 1:
            findings += warn(
                "visitors", f"{site_id}: all {int(events):,} events of a day are one visitor's", PROXY_MEND
            )
        elif int(visitors) <= int(agents) and int(agents) > 1:
            found = f"{site_id}: {visitors} visitors in {int(events):,} events, one for each kind of browser"
            findings += warn("visitors", found, PROXY_MEND)
    return findings or _nothing_odd("visitors", rows, "many visitors, each its own")


def bots(settings: Settings) -> list[Finding]:
    """Not nearly everything is a bot."""
    rows = _rows(settings, BOTS)
    findings = []
    for site_id, events, robots, reason in rows or []:
        if int(robots) > MOSTLY * int(events):
            findings += warn(
                "bots",
                f"{site_id}: {int(robots) / int(events):.0%} of a day's events are bots, most of them: {reason}",
                "is it monitoring? Exclude its paths. Or does the proxy drop people's User-Agent or "
                "Accept-Language? Let them through (docs/behind-a-proxy.md)",
            )
    return findings or _nothing_odd("bots", rows, "a minority")


def _nothing_odd(what: str, rows: list[list[str]] | None, found: str) -> list[Finding]:
    if rows is None:
        return []  # the store cannot be asked: said already
    return ok(what, found if rows else f"too few events in a day to tell (fewer than {ENOUGH})")


def _rows(settings: Settings, query: str) -> list[list[str]] | None:
    """Rows (site, events, ...) of sites with enough events; None where the store is silent."""
    try:
        text = query_store(settings, query.format(database_name(settings.stage)) + " FORMAT TSV", timeout_s=30.0)
    except StoreError:
        return None
    rows = [line.split("\t") for line in text.splitlines()]
    return [row for row in rows if int(row[1]) >= ENOUGH]


def ignored_proxies(settings: Settings) -> int:
    """Requests since the gateway's start, from its metrics; 0 where they cannot be read."""
    import http.client

    if not http_ok(settings.gateway_host, settings.gateway_port, "/healthz"):
        return 0
    connection = http.client.HTTPConnection(settings.gateway_host, settings.gateway_port, timeout=2.0)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    for line in text.splitlines():
        if line.startswith(IGNORED_METRIC + " "):
            return int(float(line.rpartition(" ")[2]))
    return 0


IGNORED_METRIC = "footfall_gateway_ignored_proxy_headers_total"
