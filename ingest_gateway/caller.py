"""Who sends: the site's public id or a server key, from where, and how much they may."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from control.keys import split_key
from footfall.names import Source
from footfall.sites import Site
from ingest_gateway.address import Address
from ingest_gateway.answers import RefusedError
from ingest_gateway.directory import KeyAccess, View
from ingest_gateway.limits import Bucket
from ingest_gateway.origins import host_of, is_bound, is_dev

UNKNOWN_SITE = "no site has this public id: `footfall site show` prints the right one"
NO_DEV = (
    "events from localhost and previews are not taken here: name a stage for them with FOOTFALL_DEV_STAGE, "
    "or send them to an installation for development"
)
NO_ID = "name the site: header X-Footfall-Site, ?site=pub_... or a field `site`; or a server key"
BAD_KEY = "this server key is unknown, revoked or expired: `footfall key list` shows the valid ones"


class Stages(NamedTuple):
    """Where events go."""

    own: str
    dev: str  # from localhost and previews; empty: they are refused


class Caller(NamedTuple):
    """Somebody who may send."""

    site: Site
    source: Source
    stage: str
    bucket: Bucket


def admit_browser(view: View, public_id: str, headers: Mapping[str, str], stages: Stages) -> Caller:
    """By public id; `RefusedError` 401 or 403."""
    if not public_id:
        raise RefusedError(401, "no_site", NO_ID)
    access = view.by_public_id.get(public_id)
    if access is None:
        raise RefusedError(401, "unknown_site", UNKNOWN_SITE)
    stage = stages.own
    origin = headers.get("origin", "") or headers.get("referer", "")
    if origin:
        host = host_of(origin)
        if is_dev(host, access.site.domains):
            stage = _dev(stages)
        elif not is_bound(host, access.site.domains):
            raise _foreign(access.site)
    return Caller(access.site, Source.BROWSER, stage, access.bucket)


def admit_server(
    view: View, authorization: str, headers: Mapping[str, str], address: Address, stages: Stages, now: int
) -> Caller:
    """By server key; `RefusedError` 401 or 403. `now` is UTC milliseconds."""
    access = _find_key(view, authorization, now)
    if access.networks:
        caller = ipaddress.ip_address(address.full)
        if not any(caller.version == network.version and caller in network for network in access.networks):
            raise RefusedError(403, "network", "this key is not valid from your network")
    stage = stages.own
    origin = headers.get("origin", "")
    if origin:
        host = host_of(origin)
        if access.key.domains and not is_bound(host, access.key.domains):
            raise RefusedError(403, "origin", "this key is not valid for this origin")
        if is_dev(host, access.site.domains):
            stage = _dev(stages)
    return Caller(access.site, Source.SERVER, stage, access.bucket)


def _dev(stages: Stages) -> str:
    if not stages.dev:
        raise RefusedError(403, "dev_origin", NO_DEV)
    return stages.dev


def _find_key(view: View, authorization: str, now: int) -> KeyAccess:
    scheme, _, text = authorization.partition(" ")
    parts = split_key(text.strip()) if scheme.lower() == "bearer" else None
    access = view.by_key_id.get(parts[0]) if parts else None
    if parts is None or access is None or not access.key.opens(parts[1], now):
        raise RefusedError(401, "key", BAD_KEY)
    return access


def _foreign(site: Site) -> RefusedError:
    told = f"this origin is not one of the site's: `footfall site set {site.site_id} --add-domain ...`"
    return RefusedError(403, "origin", told)
