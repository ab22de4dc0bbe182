"""Where an address is, from an mmdb file: GeoIP2's shape or a flat one."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import maxminddb

from footfall.enrich.batch import NO_GEO, Geo

# Addresses asked for at start, so that a damaged file is told then and not at 3 am.
_PROBES = ("0.0.0.0", "1.1.1.1", "8.8.8.8", "81.2.69.142", "223.255.255.255", "::1", "2001:4860:4860::8888")  # noqa: S104 - looked up, not bound
_DAMAGE = (maxminddb.InvalidDatabaseError, ValueError, LookupError, RecursionError, ArithmeticError, TypeError)


class GeoDatabaseError(ValueError):
    """The geo database cannot be used; the message says what to do."""


class MmdbGeo:
    """`GeoReader` over a maxminddb reader. A damaged entry is an empty answer, counted."""

    def __init__(self, reader: maxminddb.Reader) -> None:
        self._reader = reader
        self.failures = 0

    def find(self, address: str) -> Geo:
        """Country, region and city; empty where they are not known. Never raises."""
        try:
            return geo_of(self._reader.get(address))
        except _DAMAGE:
            self.failures += 1
            return NO_GEO

    def close(self) -> None:
        """Give the file back."""
        self._reader.close()


def open_geo(path: Path) -> MmdbGeo:
    """A reader of the database at `path`; `GeoDatabaseError` if it is missing or damaged."""
    advice = "download it again, or unset FOOTFALL_GEO_DATABASE to go without places"
    try:
        reader = maxminddb.open_database(path)
    except FileNotFoundError:
        raise GeoDatabaseError(f"geo database {path} does not exist: {advice}") from None
    except (OSError, *_DAMAGE) as error:
        raise GeoDatabaseError(f"geo database {path} cannot be read ({error}): {advice}") from error
    try:
        for probe in _PROBES:
            if ipaddress.ip_address(probe).version == 4 or reader.metadata().ip_version == 6:
                reader.get(probe)
    except _DAMAGE as error:
        reader.close()
        raise GeoDatabaseError(f"geo database {path} is damaged ({error}): {advice}") from error
    return MmdbGeo(reader)


def geo_of(entry: Any) -> Geo:
    """The place in a database entry of either shape; whatever is odd in it is left out."""
    if not isinstance(entry, dict):
        return NO_GEO
    country = entry.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else entry.get("country_code") or country
    code = code.upper() if isinstance(code, str) and len(code) == 2 else ""
    return Geo(country=code, region=_region(entry), city=_name(entry.get("city")))


def _region(entry: dict[str, Any]) -> str:
    divisions = entry.get("subdivisions")
    if isinstance(divisions, list) and divisions:
        return _name(divisions[0])
    return _name(entry.get("state1") or entry.get("region"))


def _name(part: Any) -> str:
    """A name, given plainly or as `names.en`."""
    if isinstance(part, str):
        return part
    names = part.get("names") if isinstance(part, dict) else None
    name = names.get("en") if isinstance(names, dict) else None
    return name if isinstance(name, str) else ""
