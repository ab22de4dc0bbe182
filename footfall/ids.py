"""Identifiers and the hashes they come from. Randomness and time are arguments.

64-bit ids are unsigned. Keyed BLAKE2b throughout: fast in the standard library, and
without the key neither a visitor nor a route can be guessed.
"""

from __future__ import annotations

import hashlib
import ipaddress
from functools import lru_cache


def hash64(key: bytes, *parts: str | bytes) -> int:
    """A keyed 64-bit hash; parts are length-prefixed, so that they cannot run together."""
    return int.from_bytes(hashlib.blake2b(_joined(parts), digest_size=8, key=key).digest(), "big")


def _joined(parts: tuple[str | bytes, ...]) -> bytes:
    """One text of all parts, so that the hash is one call."""
    pieces = []
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        pieces.append(len(data).to_bytes(4, "big"))
        pieces.append(data)
    return b"".join(pieces)


def uuid7(now_ms: int, random: bytes) -> bytes:
    """A UUIDv7 (RFC 9562) as 16 bytes; `random` has at least 10 bytes."""
    value = bytearray(now_ms.to_bytes(6, "big") + random[:10])
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    return bytes(value)


def derived_uuid7(at_ms: int, *parts: str | bytes) -> bytes:
    """A UUIDv7 whose random part is a hash: the same input gives the same id."""
    return uuid7(at_ms, hashlib.blake2b(_joined(parts), digest_size=16).digest())


def truncate_address(address: str) -> str:
    """The address without what tells one household from another: /24 or /48."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    prefix = 24 if ip.version == 4 else 48
    return str(ipaddress.ip_network((ip, prefix), strict=False).network_address)


def consented_visitor_id(secret: bytes, site_id: str, sdk_visitor_id: str) -> int:
    """A visitor who agreed to an id, as the store knows them."""
    return hash64(secret, "visitor", site_id, sdk_visitor_id)


def daily_visitor_id(salt: bytes, site_id: str, address: str, user_agent: str) -> int:
    """A visitor without consent: cannot be linked to another day once the salt is gone."""
    return hash64(salt, "daily", site_id, address, user_agent)


def route(secret: bytes, site_id: str, sdk_visitor_id: str, address: str, user_agent: str) -> int:
    """What decides the log partition: the same across midnight. `address` is truncated."""
    if sdk_visitor_id:
        return hash64(secret, "route", site_id, sdk_visitor_id)
    return hash64(secret, "route", site_id, address, user_agent)


def session_id(site_id: str, visitor_id: int, first_event_id: bytes) -> int:
    """The session's id: the same from the live flow and from repair."""
    before = _session_prefix(site_id)
    data = b"".join(
        (before, visitor_id.to_bytes(8, "big"), len(first_event_id).to_bytes(4, "big"), first_event_id)
    )
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big")


@lru_cache(4_096)
def _session_prefix(site_id: str) -> bytes:
    """What `hash64` would put before the visitor: the same for all sessions of a site."""
    return _joined(("session", site_id)) + (8).to_bytes(4, "big")
