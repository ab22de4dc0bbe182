"""A server key as the gateway checks it, and as people see it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from msgspec import Struct
from sqlalchemy import Row


class ServerKey(Struct, frozen=True, kw_only=True):
    """What the gateway needs to check a key. Times are UTC milliseconds, 0 for never."""

    key_id: str
    site_id: str
    secret_hash: bytes
    rate: float  # events a second
    burst: float  # events
    expires_at: int = 0
    revoked_at: int = 0
    domains: tuple[str, ...] = ()  # of an Origin header; empty: a key is for servers, any
    networks: tuple[str, ...] = ()  # the caller's; empty: any

    def opens(self, secret: str, now: int) -> bool:
        """Whether `secret` is this key's and the key is valid now."""
        same = hmac.compare_digest(hash_secret(secret), self.secret_hash)
        expired = bool(self.expires_at) and now >= self.expires_at
        return same and not self.revoked_at and not expired


class KeyInfo(Struct, frozen=True, kw_only=True):
    """A key as people see it: without anything secret."""

    key_id: str
    site_id: str
    label: str
    rate: float
    burst: float
    domains: tuple[str, ...]
    networks: tuple[str, ...]
    created_at: int
    expires_at: int
    revoked_at: int
    rotated_to: str = ""  # the key that follows it

    def state(self, now: int) -> str:
        """active | expired | revoked."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and now >= self.expires_at else "active"


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret."""
    # A plain hash is enough: the secret is 256 random bits, there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def info_of(row: Row[*tuple[object, ...]]) -> KeyInfo:
    """A row of the table, for people."""
    fields = _fields(row)
    return KeyInfo(**{name: fields[name] for name in KeyInfo.__struct_fields__})


def server_key_of(row: Row[*tuple[object, ...]]) -> ServerKey:
    """A row of the table, for the gateway."""
    fields = _fields(row)
    return ServerKey(**{name: fields[name] for name in ServerKey.__struct_fields__})


def _fields(row: Row[*tuple[object, ...]]) -> dict[str, Any]:
    fields: dict[str, Any] = dict(row._mapping)
    for name in ("domains", "networks"):
        fields[name] = tuple(json.loads(str(fields[name])))
    return fields
