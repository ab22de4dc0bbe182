"""Where the event that was sent came to: its record in the log, its row in the store."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit

from clickhouse_driver import Client
from msgspec import Struct, field

from cli.checks.finding import Finding, bad, ok, warn
from cli.explaining.arrivals import Arrival, Searched, at, search
from cli.explaining.stored import Row, rows
from cli.layout import layout_of
from cli.site_checking.fetching import origin_of
from cli.site_checking.sending import Sent
from eventlog.opening import is_made, open_log
from eventlog.protocol import OffsetLost, Reader
from footfall.names import Source
from footfall.record import DecodeError, decode
from footfall.settings import Settings

POLL_S = 0.2
AROUND_MS = 60_000
RECORDS = 100_000
LATELY = 500  # records of each partition that are looked at for the visitors' addresses
ENOUGH = 20
ROW = "SELECT * FROM events_v1 WHERE event_id = toUUID(%(id)s) AND site_id = %(site)s LIMIT 1"
PROXY_MEND = "let the proxy send X-Forwarded-For, and name it in FOOTFALL_TRUSTED_PROXIES (docs/behind-a-proxy.md)"


class Seen(Struct):
    """What the log has."""

    searched: Searched = field(default_factory=Searched)
    addresses: dict[str, set[str]] = {}  # of the site's browsers lately -> their user agents


def wait_for_row(client: Client, event_id: str, site: str, timeout_s: float) -> Row | None:
    """The event's row, once it is stored; None if it is not within the time."""
    deadline = time.monotonic() + timeout_s
    while True:
        found = rows(client, ROW, id=event_id, site=site)
        if found or time.monotonic() > deadline:
            return found[0] if found else None
        time.sleep(POLL_S)  # between two looks


def look_into_log(settings: Settings, stage: str, site: str, event_id: bytes, row: Row | None) -> Seen:
    """The event's record, and whose addresses came lately; nothing where there is no log here."""
    layout = layout_of(settings, stage)
    if not is_made(settings, stage, layout):
        return Seen()
    made = int.from_bytes(event_id[:6], "big")
    with closing(open_log(settings, stage, layout).reader()) as reader:
        if row is not None:
            searched = Searched(list(at(reader, row["log_partition"], row["log_offset"], event_id)))
        else:
            searched = search(reader, layout.partitions, event_id, made - AROUND_MS, made + AROUND_MS, RECORDS)
        return Seen(searched, _lately(reader, layout.partitions, site))


def _lately(reader: Reader, partitions: list[int], site: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for partition in partitions:
        for value in _last(reader, partition):
            try:
                record = decode(value)
            except DecodeError:
                continue
            if record.site_id == site and record.source == Source.BROWSER and record.events:
                found.setdefault(record.address, set()).add(record.user_agent)
    return found


def _last(reader: Reader, partition: int) -> Iterator[bytes]:
    first, end = reader.bounds(partition)
    offset = max(first, end - LATELY)
    try:
        while offset < end:
            found = reader.read(partition, offset, LATELY, 4 * 1024 * 1024)
            if not found:
                return
            yield from (record.value for record in found)
            offset = found[-1].offset + 1
    except OffsetLost:
        return  # retention was quicker


def address_findings(
    arrival: Arrival | None, addresses: dict[str, set[str]], endpoint: str, ignored: int
) -> list[Finding]:
    """Is it the visitor whose address came in, or a proxy?"""
    if ignored:
        return bad(
            "address", "a proxy that is not trusted stands before the gateway: visitors are one", PROXY_MEND
        )
    if arrival is None:
        return []
    address = arrival.record.address
    if not is_inner(address) or _is_near(endpoint):
        findings = ok("address", f"the gateway kept {address}, the visitor's without its last part")
    else:
        told = f"the gateway saw {address}, an inner address, though the endpoint is on the internet"
        return bad("address", told, PROXY_MEND)
    agents: set[str] = set().union(*addresses.values())
    if len(addresses) == 1 and len(agents) >= ENOUGH:
        told = f"all {len(agents)} kinds of browsers lately came from one address, {address}"
        return warn("address", told, PROXY_MEND)
    return findings


def is_inner(address: str) -> bool:
    """Of this machine or a network of one's own."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_private or found.is_loopback or found.is_unspecified


def _is_near(endpoint: str) -> bool:
    """Whether the endpoint is reached without the internet, so that an inner address is right."""
    try:
        found = socket.getaddrinfo(urlsplit(endpoint).hostname, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(is_inner(str(entry[4][0])) for entry in found)


def country_findings(row: Row, arrival: Arrival | None, settings: Settings) -> list[Finding]:
    """Is it known where visitors are?"""
    if row["country"]:
        told = arrival.record.country if arrival is not None else ""
        by = f"the header {settings.country_header}" if told else "the place of the address"
        return ok("country", f"{row['country']}, by {by}")
    return ok(
        "country",
        f"unknown: there is no header {settings.country_header} of a trusted proxy, and no place of the address",
    )


def row_findings(sent: Sent, row: Row) -> list[Finding]:
    """Is the row what was sent?"""
    host = (urlsplit(sent.page).hostname or "").lower()
    if row["host"] not in (host, origin_of(sent.page).partition("://")[2]):
        return bad("row", f"its host is {row['host']!r}, the page's is {host!r}", "report it: that is a defect")
    return ok("row", f"stored as {row['name']} of {row['host']}{row['path']}")


def show(row: Row) -> list[str]:
    """The columns that say something, one a line."""
    empty: tuple[object, ...] = ("", 0, [], {}, None)
    return [f"{name:<18} {value}" for name, value in row.items() if value not in empty]
