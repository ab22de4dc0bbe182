"""Server keys: `sk_<id>_<secret>`. Only a hash of the secret is kept; it is shown once."""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Sequence

from msgspec.structs import replace
from sqlalchemy import Connection, exc, insert, select, update

from control.checks import check_number, check_text
from control.database import Database
from control.domains import normalise_domain
from control.errors import ControlError, NotFoundError
from control.key_info import KeyInfo, ServerKey, hash_secret, info_of, server_key_of
from control.schema import server_key

DEFAULT_RATE = 10_000.0
DEFAULT_BURST = 50_000.0
# From and to.
RATES = 0.001, 1e9  # events a second
BURSTS = 1.0, 1e9  # events
OVERLAP_HOURS = 0.0, 366 * 24.0
MAX_LIFE_DAYS = 36_525.0
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


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
        check_number("a key's rate", rate, *RATES, "events a second")
        check_number("a key's burst", burst, *BURSTS, "events")
        check_text("a key's label", label, 10_000)  # of which the beginning is kept
        if expires_at and expires_at <= now:
            raise ControlError("the key would have expired already")
        if expires_at > now + MAX_LIFE_DAYS * DAY_MS:
            raise ControlError(f"a key expires in at most {MAX_LIFE_DAYS:,.0f} days, or never")
        info = KeyInfo(
            key_id=_new_id(),
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
        with self.writing() as connection:
            return info, _insert(connection, info)

    def rotate_key(self, key_id: str, *, now: int, overlap_hours: float) -> tuple[KeyInfo, str]:
        """A successor with the same rights; the old key stays valid for `overlap_hours`.

        Once for each key: after that its `expires_at` is the overlap's end, and no longer
        says how long a key like it lives.
        """
        check_number("the overlap", overlap_hours, *OVERLAP_HOURS, "hours")
        with self.writing() as connection:  # both or neither: a successor whose text nobody saw is a hole
            old = _rotatable(_key(connection, key_id), now)
            # The successor of a key that expires lives as long as that one was meant to.
            expires_at = now + old.expires_at - old.created_at if old.expires_at else 0
            info = replace(old, key_id=_new_id(), created_at=now, expires_at=expires_at)
            text = _insert(connection, info)
            end = now + round(overlap_hours * HOUR_MS)
            end = min(end, old.expires_at) if old.expires_at else end
            mine = (server_key.c.key_id == key_id) & (server_key.c.rotated_to == "")
            change = update(server_key).where(mine).values(expires_at=end, rotated_to=info.key_id)
            if not connection.execute(change).rowcount:  # PostgreSQL: somebody else was at it too
                raise ControlError(f"key {key_id} was rotated by somebody else just now: see `footfall key list`")
        return info, text

    def revoke_key(self, key_id: str, *, now: int) -> None:
        """Refused by every gateway within five seconds."""
        with self.writing() as connection:
            mine = (server_key.c.key_id == key_id) & (server_key.c.revoked_at == 0)
            if not connection.execute(update(server_key).where(mine).values(revoked_at=now)).rowcount:
                raise NotFoundError(f"no key {key_id} that could be revoked: `footfall key list` shows the keys")

    def key(self, key_id: str) -> KeyInfo:
        """One key; `NotFoundError` if there is none of that id."""
        with self.reading() as connection:
            return _key(connection, key_id)

    def list_keys(self, site_id: str = "") -> list[KeyInfo]:
        """All keys (of a site), oldest first, revoked ones too."""
        query = select(server_key).order_by(server_key.c.created_at, server_key.c.key_id)
        if site_id:
            query = query.where(server_key.c.site_id == site_id)
        with self.reading() as connection:
            return [info_of(row) for row in connection.execute(query)]

    def server_keys(self) -> dict[str, ServerKey]:
        """Every key that is not revoked, by id, for checking requests."""
        query = select(server_key).where(server_key.c.revoked_at == 0)
        with self.reading() as connection:
            return {row.key_id: server_key_of(row) for row in connection.execute(query)}


def split_key(text: str) -> tuple[str, str] | None:
    """(id, secret) of a key's text; None if it is none."""
    parts = text.split("_", 2)
    if len(parts) != 3 or parts[0] != "sk" or not parts[1] or not parts[2]:
        return None
    return parts[1], parts[2]


def _new_id() -> str:
    return secrets.token_hex(6)


def _key(connection: Connection, key_id: str) -> KeyInfo:
    row = connection.execute(select(server_key).where(server_key.c.key_id == key_id)).first()
    if row is None:
        raise NotFoundError(f"no key {key_id}: `footfall key list` shows the keys")
    return info_of(row)


def _rotatable(old: KeyInfo, now: int) -> KeyInfo:
    """The key, if it may have a successor; else `ControlError`."""
    if old.rotated_to:
        raise ControlError(
            f"key {old.key_id} was rotated already, {old.rotated_to} follows it: rotate that one, or make another "
            f"with `footfall key create {old.site_id}`"
        )
    if old.state(now) != "active":
        raise ControlError(f"key {old.key_id} is {old.state(now)}: create a new one with `footfall key create`")
    return old


def _insert(connection: Connection, info: KeyInfo) -> str:
    """Add the key; its text, which is nowhere else."""
    secret = secrets.token_urlsafe(32)
    values = {name: getattr(info, name) for name in KeyInfo.__struct_fields__}
    values |= {"domains": json.dumps(info.domains), "networks": json.dumps(info.networks)}
    try:
        connection.execute(insert(server_key).values(values | {"secret_hash": hash_secret(secret)}))
    except exc.IntegrityError as error:
        raise NotFoundError(f"no site {info.site_id}: `footfall site list` shows those there are") from error
    return f"sk_{info.key_id}_{secret}"


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise ControlError(f"{text!r} is not a network: give one like 203.0.113.0/24") from error
