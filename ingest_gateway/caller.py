"""Who sends: the site's public id or a server key, from where, and how much they may."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from control.keys import split_key
from footfall.names import DEV_STAGE, Source
from footfall.sites import Site
from ingest_gateway.address import Address
from ingest_gateway.answers import RefusedError
from ingest_gateway.directory import KeyAccess, View
from ingest_gateway.limits import Bucket
from ingest_gateway.origins import host_of, is_bound, is_dev

UNKNOWN_SITE = "no site has this public id: `footfall site show` prints the right one"
NO_ID = "name the site: header X-Footfall-Site, ?site=pub_... or a field `site`; or a server key"
BAD_KEY = "this server key is unknown, revoked or expired: `footfall key list` shows the valid ones"


class Caller(NamedTuple):
    """Somebody who may send."""

    site: Site
    source: Source
    stage: str
    bucket: Bucket


def admit_browser(view: View, public_id: str, headers: Mapping[str, str], stage: str) -> Caller:
    """By public id; `RefusedError` 401 or 403. `stage` is where production traffic goes."""
    if not public_id:
        raise RefusedError(401, "no_site", NO_ID)
    access = view.by_public_id.get(public_id)
    if access is None:
        raise RefusedError(401, "unknown_site", UNKNOWN_SITE)
    origin = headers.get("origin", "") or headers.get("referer", "")
    if origin:
        host = host_of(origin)
        if is_dev(host, access.site.domains):
            stage = DEV_STAGE
        elif not is_bound(host, access.site.domains):
            raise _foreign(access.site)
    return Caller(access.site, Source.BROWSER, stage, access.bucket)


def admit_server(
    view: View, authorization: str, headers: Mapping[str, str], address: Address, stage: str, now: int
) -> Caller:
    """By server key; `RefusedError` 401 or 403. `now` is UTC milliseconds."""
    access = _find_key(view, authorization, now)
    if access.networks:
        caller = ipaddress.ip_address(address.full)
        if not any(caller.version == network.version and caller in network for network in access.networks):
            raise RefusedError(403, "network", "this key is not valid from your network")
    origin = headers.get("origin", "")
    if origin:
        host = host_of(origin)
        if access.key.domains and not is_bound(host, access.key.domains):
            raise RefusedError(403, "origin", "this key is not valid for this origin")
        if is_dev(host, access.site.domains):
            stage = DEV_STAGE
    return Caller(access.site, Source.SERVER, stage, access.bucket)


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
