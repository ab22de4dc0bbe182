"""What the gateway knows of the control plane: a view in memory, renewed by a thread.

The control plane may be away: then the last view stays, and `reachable` says so.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from control import Control, ServerKey
from control.secrets import DAY_MS
from footfall.generations import Layout
from footfall.sites import Site
from ingest_gateway.address import Network
from ingest_gateway.limits import BURST_SECONDS, Bucket
from ingest_gateway.repeating import Repeating

logger = logging.getLogger(__name__)

BATCH = "/v1/batch"
SCRIPT_STEM = "/f"
POLL_S = 1.0
SALT_POLL_S = 60.0
REPEAT_S = 60.0


class SiteAccess(Struct, frozen=True):
    """A site as its public id opens it."""

    site: Site
    bucket: Bucket


class KeyAccess(Struct, frozen=True):
    """A site as a server key opens it."""

    key: ServerKey
    site: Site
    networks: tuple[Network, ...]
    bucket: Bucket


class View(Struct, frozen=True, kw_only=True):
    """One consistent view; replaced whole."""

    by_public_id: Mapping[str, SiteAccess] = {}
    by_key_id: Mapping[str, KeyAccess] = {}
    domains: tuple[str, ...] = ()  # of all sites, for preflights
    salts: Mapping[int, bytes] = {}  # by UTC day
    layouts: Mapping[str, Layout] = {}  # of the served stages' logs
    paths: Mapping[str, str] = {}  # of sites' own names -> the path each stands for


def own_paths(sites: Iterable[Site], tails: Sequence[str]) -> dict[str, str]:
    """Path under a site's own name -> the path of all sites it stands for."""
    found = {}
    for site in sites:
        if site.endpoint_path:
            found[site.endpoint_path] = BATCH
        if site.script_name:
            stem = f"/{site.script_name.removesuffix('.js')}"
            found |= {stem + tail: SCRIPT_STEM + tail for tail in tails}
    return found


class Lookup(Protocol):
    """What a request needs to be told of sites, keys and salts."""

    @property
    def view(self) -> View:
        """The newest view; another object whenever something has changed."""

    @property
    def secrets(self) -> Mapping[str, bytes]:
        """By served stage."""

    def buckets(self) -> list[tuple[str, Bucket]]:
        """The rate limits of sites and keys, by name."""


class Directory(Repeating):
    """Keeps `view` fresh. `topics`: the served stages, and the partitions their logs began with;
    `clock` is UTC milliseconds; `tails`: those of the scripts' paths, see `ingest_gateway.scripts`."""

    def __init__(
        self,
        control: Control,
        topics: Mapping[str, int],
        site_rate: float,
        clock: Callable[[], int],
        tails: Sequence[str] = (),
    ) -> None:
        super().__init__("directory", POLL_S)
        self._control = control
        self._topics = topics
        self._site_rate = site_rate
        self._clock = clock
        self._tails = tails
        self._version = -1
        self._salts_due = 0.0
        self._buckets: dict[str, tuple[float, float, Bucket]] = {}
        self._silent_until = 0.0
        self.secrets = {stage: control.stage_secret(stage) for stage in topics}
        self.view = View()
        self.reachable = True
        self.refresh()

    def buckets(self) -> list[tuple[str, Bucket]]:
        """Those of sites and keys, by name."""
        return [(name, bucket) for name, (_rate, _burst, bucket) in self._buckets.items()]

    def refresh(self) -> None:
        """Take over what has changed; raises whatever the database raises."""
        now = self._clock()
        monotonic = time.monotonic()
        if monotonic >= self._salts_due or now // DAY_MS not in self.view.salts:
            self._control.forget_salts(now)
            salts = self._control.salts(now)
            if salts != self.view.salts:
                self._replace(salts=salts)
            self._salts_due = monotonic + SALT_POLL_S
        version = self._control.version()
        if version != self._version:
            self._load(monotonic)
            self._version = version  # read before the sites: a change in between is seen next time

    def _round(self) -> float:
        try:
            self.refresh()
            if not self.reachable:
                logger.info("the control plane is reachable again")
            self.reachable = True
        except Exception as error:  # noqa: BLE001 - whatever the driver raises: the last view stays
            self._forget_old_salts()
            self.reachable = False
            if time.monotonic() > self._silent_until:
                self._silent_until = time.monotonic() + REPEAT_S
                logger.warning("control plane unreachable, keeping the last known sites: %s", error)
        return POLL_S

    def _load(self, now: float) -> None:
        sites = self._control.sites()
        keys = self._control.server_keys()
        public = {site.public_id: self._site_access(site, now) for site in sites.by_id.values()}
        opened = {}
        for key in keys.values():
            site = sites.get(key.site_id)
            if site is not None:
                opened[key.key_id] = self._key_access(key, site, now)
        domains = tuple(domain for site in sites.by_id.values() for domain in site.domains)
        # A bucket whose site or key is gone is forgotten.
        kept = {f"pub:{site.site_id}" for site in sites.by_id.values()} | {f"key:{name}" for name in opened}
        self._buckets = {name: entry for name, entry in self._buckets.items() if name in kept}
        layouts = {stage: self._control.log_layout(stage, count) for stage, count in self._topics.items()}
        paths = own_paths(sites.by_id.values(), self._tails)
        self._replace(by_public_id=public, by_key_id=opened, domains=domains, layouts=layouts, paths=paths)

    def _site_access(self, site: Site, now: float) -> SiteAccess:
        rate = self._site_rate
        return SiteAccess(site, self._bucket(f"pub:{site.site_id}", rate, rate * BURST_SECONDS, now))

    def _key_access(self, key: ServerKey, site: Site, now: float) -> KeyAccess:
        networks = tuple(ipaddress.ip_network(network) for network in key.networks)
        return KeyAccess(key, site, networks, self._bucket(f"key:{key.key_id}", key.rate, key.burst, now))

    def _bucket(self, name: str, rate: float, burst: float, now: float) -> Bucket:
        # An old bucket lives on, or every change anywhere would refill them all.
        found = self._buckets.get(name)
        if found is None or found[:2] != (rate, burst):
            found = self._buckets[name] = (rate, burst, Bucket(rate, burst, now))
        return found[2]

    def _forget_old_salts(self) -> None:
        today = self._clock() // DAY_MS
        kept = {day: salt for day, salt in self.view.salts.items() if day >= today - 1}
        if kept != self.view.salts:
            self._replace(salts=kept)

    def _replace(self, **changes: object) -> None:
        fields = {name: getattr(self.view, name) for name in View.__struct_fields__}
        self.view = View(**(fields | changes))
