"""Made-up sites, keys and salts, in place of the control plane."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from typing import TypeVar

from control import ServerKey
from footfall.generations import one_generation
from footfall.sites import Site
from ingest_gateway.directory import KeyAccess, SiteAccess, View
from ingest_gateway.limits import Bucket
from ingest_gateway.origins import ANY_HOST

PUBLIC = "pub_"
STAGE = "dev"
LAYOUT = one_generation(1)
K = TypeVar("K")
V = TypeVar("V")


class _MadeUp(Mapping[K, V]):
    """A mapping that makes what it is asked for, and so has no list of it."""

    def __iter__(self) -> Iterator[K]:
        return iter(())

    def __len__(self) -> int:
        return 0


class AnySite(_MadeUp[str, SiteAccess]):
    """Every `pub_...` is a site of its own, which any host is one of."""

    def __getitem__(self, public_id: str) -> SiteAccess:
        if not public_id.startswith(PUBLIC) or public_id == PUBLIC:
            raise KeyError(public_id)
        return _access(Site(site_id=public_id, public_id=public_id, domains=(ANY_HOST,)))


class AnyKeyValid(ServerKey, frozen=True, kw_only=True):
    """A server key that whatever secret opens: there is nothing behind it to protect."""

    def opens(self, secret: str, now: int) -> bool:  # noqa: ARG002 - as the real one
        """Yes."""
        return True


class AnyKey(_MadeUp[str, KeyAccess]):
    """Every key opens `site`, or where there is none a site named after the key."""

    def __init__(self, site: Site | None) -> None:
        self._site = site

    def __getitem__(self, key_id: str) -> KeyAccess:
        site = self._site or Site(site_id=f"sk_{key_id}", domains=(ANY_HOST,))
        key = AnyKeyValid(key_id=key_id, site_id=site.site_id, secret_hash=b"", rate=0.0, burst=0.0)
        return KeyAccess(key, site, (), _no_limit())


class Salts(_MadeUp[int, bytes]):
    """A salt for every day."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def __getitem__(self, day: int) -> bytes:
        return hashlib.blake2b(day.to_bytes(8, "big"), key=self._secret, digest_size=32).digest()


class MadeUpDirectory:
    """In place of `ingest_gateway.directory.Directory`. With `sites` their public ids only, from their
    domains only; without any, every public id from everywhere."""

    def __init__(self, sites: tuple[Site, ...] = ()) -> None:
        self.secrets: Mapping[str, bytes] = {STAGE: secrets.token_bytes(32)}
        self._sites = {site.site_id: site for site in sites}
        self.view = View(
            by_public_id={site.public_id: _access(site) for site in sites} if sites else AnySite(),
            by_key_id=AnyKey(sites[0] if sites else None),
            domains=tuple(domain for site in sites for domain in site.domains) or (ANY_HOST,),
            salts=Salts(),
            layouts={STAGE: LAYOUT},
        )

    def buckets(self) -> list[tuple[str, Bucket]]:
        """None: there are no limits."""
        return []

    def site(self, site_id: str) -> Site:
        """As enrichment is to see it: a site that any host is one of has no foreign hosts."""
        return self._sites.get(site_id) or Site(site_id=site_id)


def _access(site: Site) -> SiteAccess:
    return SiteAccess(site, _no_limit())


def _no_limit() -> Bucket:
    return Bucket(0.0, 0.0, 0.0)
