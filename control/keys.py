"""Server keys: `sk_<id>_<secret>`. Only a hash of the secret is kept; it is shown once."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Row, exc, insert, select, update

from control.database import ControlError, Database, NotFoundError
from control.domains import normalise_domain
from control.schema import server_key

DEFAULT_RATE = 10_000.0
DEFAULT_BURST = 50_000.0
HOUR_MS = 3_600_000


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
        same = hmac.compare_digest(_hash(secret), self.secret_hash)
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

    def state(self, now: int) -> str:
        """active | expired | revoked."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and now >= self.expires_at else "active"


class KeyTable(Database):
    """The server keys of the control plane. `now` is UTC milliseconds."""

    def create_key(
        self,
        site_id: str,
        *,
        now: int,
        label: str = "",
        rate: float = DEFAULT_RATE,
        burst: float = DEFAULT_BURST,
        expires_at: int = 0,
        domains: Sequence[str] = (),
        networks: Sequence[str] = (),
    ) -> tuple[KeyInfo, str]:
        """A new key and, this once, its text."""
        if rate <= 0 or burst < 1:
            raise ControlError("a key's rate is above 0 events/s and its burst at least 1 event")
        if expires_at and expires_at <= now:
            raise ControlError("the key would have expired already")
        info = KeyInfo(
            key_id=secrets.token_hex(6),
            site_id=site_id,
            label=label[:128],
            rate=rate,
            burst=burst,
            domains=tuple(map(normalise_domain, domains)),
            networks=tuple(map(_network, networks)),
            created_at=now,
            expires_at=expires_at,
            revoked_at=0,
        )
        return info, self._insert(info)

    def rotate_key(self, key_id: str, *, now: int, overlap_hours: float) -> tuple[KeyInfo, str]:
        """A successor with the same rights; the old key stays valid for `overlap_hours`."""
        old = self.key(key_id)
        if old.state(now) != "active":
            raise ControlError(f"key {key_id} is {old.state(now)}: create a new one with `footfall key create`")
        # The successor of a key that expires lives as long as that one was meant to.
        lifetime = old.expires_at - old.created_at if old.expires_at else 0
        info, text = self.create_key(
            old.site_id,
            now=now,
            label=old.label,
            rate=old.rate,
            burst=old.burst,
            expires_at=now + lifetime if lifetime else 0,
            domains=old.domains,
            networks=old.networks,
        )
        end = now + round(overlap_hours * HOUR_MS)
        end = min(end, old.expires_at) if old.expires_at else end
        with self.writing() as connection:
            mine = server_key.c.key_id == key_id
            connection.execute(update(server_key).where(mine).values(expires_at=end))
        return info, text

    def revoke_key(self, key_id: str, *, now: int) -> None:
        """Refused by every gateway within five seconds."""
        with self.writing() as connection:
            mine = (server_key.c.key_id == key_id) & (server_key.c.revoked_at == 0)
            if not connection.execute(update(server_key).where(mine).values(revoked_at=now)).rowcount:
                raise NotFoundError(f"no key {key_id} that could be revoked: `footfall key list` shows the keys")

    def key(self, key_id: str) -> KeyInfo:
        """One key; `NotFoundError` if there is none of that id."""
        found = [info for info in self.list_keys() if info.key_id == key_id]
        if not found:
            raise NotFoundError(f"no key {key_id}: `footfall key list` shows the keys")
        return found[0]

    def list_keys(self, site_id: str = "") -> list[KeyInfo]:
        """All keys (of a site), oldest first, revoked ones too."""
        query = select(server_key).order_by(server_key.c.created_at, server_key.c.key_id)
        if site_id:
            query = query.where(server_key.c.site_id == site_id)
        with self.reading() as connection:
            return [_info(row) for row in connection.execute(query)]

    def server_keys(self) -> dict[str, ServerKey]:
        """Every key that is not revoked, by id, for checking requests."""
        query = select(server_key).where(server_key.c.revoked_at == 0)
        with self.reading() as connection:
            return {row.key_id: _server_key(row) for row in connection.execute(query)}

    def _insert(self, info: KeyInfo) -> str:
        secret = secrets.token_urlsafe(32)
        values = {
            "key_id": info.key_id,
            "site_id": info.site_id,
            "secret_hash": _hash(secret),
            "label": info.label,
            "rate": info.rate,
            "burst": info.burst,
            "domains": json.dumps(info.domains),
            "networks": json.dumps(info.networks),
            "created_at": info.created_at,
            "expires_at": info.expires_at,
            "revoked_at": 0,
        }
        try:
            with self.writing() as connection:
                connection.execute(insert(server_key).values(values))
        except exc.IntegrityError as error:
            raise NotFoundError(f"no site {info.site_id}: `footfall site list` shows those there are") from error
        return f"sk_{info.key_id}_{secret}"


def split_key(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key's text; None if it is none."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "sk" or not parts[1] or not parts[2]:
        return None
    return parts[1], parts[2]


def _hash(secret: str) -> bytes:
    # A plain hash is enough: the secret is 256 random bits, there is nothing to guess.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise ControlError(f"{text!r} is not a network: give one like 203.0.113.0/24") from error


def _info(row: Row[*tuple[object, ...]]) -> KeyInfo:
    fields = dict(row._mapping)
    fields.pop("secret_hash")
    for name in ("domains", "networks"):
        fields[name] = tuple(json.loads(str(fields[name])))
    return KeyInfo(**fields)


def _server_key(row: Row[*tuple[object, ...]]) -> ServerKey:
    fields = dict(row._mapping)
    for name in ("domains", "networks"):
        fields[name] = tuple(json.loads(str(fields[name])))
    return ServerKey(**{name: fields[name] for name in ServerKey.__struct_fields__})
