"""Whose address a request comes from. Full addresses stay in this process's memory."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import NamedTuple

from footfall.ids import truncate_address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Address(NamedTuple):
    """One client's address."""

    full: str  # normalised; for the daily id, never logged, never stored
    truncated: str  # /24 or /48
    limit_key: str  # what the rate limit counts by: an IPv6 household has many addresses
    loopback: bool
    trusted_peer: bool  # the connection came from a trusted proxy
    ignored_proxy: bool  # a proxy's header was there, but nobody trusts that proxy


def parse_networks(text: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, ::1` as networks; `ValueError` names what is none."""
    return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


class AddressResolver:
    """Finds the client behind trusted proxies: the rightmost address nobody vouches for."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self.resolve = lru_cache(16_384)(self._resolve)

    def _resolve(self, peer: str, forwarded_for: str, forwarded: str) -> Address:
        """`peer` is `host:port`; the headers' values are comma-joined where sent repeatedly."""
        near = parse_ip(peer.rpartition(":")[0])
        hops = _hops(forwarded_for, forwarded)
        trusted_peer = self._is_trusted(near)
        far = self._walk(near, hops) if trusted_peer else near
        full = str(far)
        truncated = truncate_address(full)
        key = full if far.version == 4 else truncated
        return Address(full, truncated, key, far.is_loopback, trusted_peer, bool(hops) and not trusted_peer)

    def _walk(self, near: IPAddress, hops: list[str]) -> IPAddress:
        client = near
        for hop in reversed(hops):
            try:
                client = parse_ip(hop)
            except ValueError:
                return client  # the last one somebody trusted has told
            if not self._is_trusted(client):
                return client
        return client

    def _is_trusted(self, address: IPAddress) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_ip(text: str) -> IPAddress:
    """An address as proxies write it: `1.2.3.4:567`, `[2001:db8::1]:567`, `"[::1]"`."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _hops(forwarded_for: str, forwarded: str) -> list[str]:
    """Client first, as the headers have it. X-Forwarded-For wins where both are sent."""
    if forwarded_for:
        return forwarded_for.split(",")
    hops = []
    for hop in forwarded.split(",") if forwarded else ():
        for pair in hop.split(";"):
            name, _, value = pair.partition("=")
            if name.strip().lower() == "for":
                hops.append(value)
    return hops
