"""Places: both database shapes against their source, and files that are damaged."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from pathlib import Path

import maxminddb
import pytest

from footfall.enrich.batch import NO_GEO, Geo
from footfall.enrich.context import Context
from footfall.enrich.geo import GeoDatabaseError, MmdbGeo, geo_of, open_geo
from tests.enrich.make import DATA, event, needs_data, run

GEOIP = DATA / "geoip"


def _networks(name: str) -> dict[str, dict[str, object]]:
    entries: dict[str, dict[str, object]] = {}
    for entry in json.loads((GEOIP / name).read_text("utf-8")):
        entries.update(entry)
    return entries


@needs_data
@pytest.mark.parametrize("name", ["GeoIP2-City-Test", "GeoIP2-Country-Test"])
def test_every_network_of_the_test_database(name: str) -> None:
    reader = open_geo(GEOIP / f"{name}.mmdb")
    networks = {
        ipaddress.ip_network(text, strict=False): entry for text, entry in _networks(f"{name}.json").items()
    }
    for network, entry in networks.items():
        address = network.network_address
        inner = [other for other in networks if other != network and address in other]
        if any(other.prefixlen > network.prefixlen for other in inner):
            continue  # a narrower network answers for this address
        country = entry.get("country")
        wanted = country.get("iso_code", "") if isinstance(country, dict) else ""
        city = entry.get("city")
        names = city.get("names", {}) if isinstance(city, dict) else {}
        found = reader.find(str(address))
        assert (found.country, found.city) == (wanted, names.get("en", "")), network
    assert reader.failures == 0
    assert len(networks) > 200
    reader.close()


@needs_data
def test_a_city_with_its_region() -> None:
    reader = open_geo(GEOIP / "GeoIP2-City-Test.mmdb")
    assert reader.find("81.2.69.142") == Geo("GB", "England", "London")
    assert reader.find("127.0.0.1") == NO_GEO
    assert reader.find("no address") == NO_GEO
    context = Context(geo=reader)
    assert run(event(), context=context, address="81.2.69.160").batch.geo == Geo("GB", "England", "London")
    assert run(event(), context=context, address="81.2.69.160", country="GB").batch.geo.city == "London"
    # The CDN is believed; the city of another country would be nonsense.
    assert run(event(), context=context, address="81.2.69.160", country="FR").batch.geo == Geo("FR")
    reader.close()


@pytest.mark.parametrize(
    ("entry", "geo"),
    [
        ({"country_code": "de", "city": "Berlin", "state1": "Land Berlin"}, Geo("DE", "Land Berlin", "Berlin")),
        ({"country_code": "DE"}, Geo("DE")),
        ({"country": "US", "region": "California", "city": "Davis"}, Geo("US", "California", "Davis")),
        ({"country": {"iso_code": "FR"}, "subdivisions": [{"names": {"en": "Brittany"}}]}, Geo("FR", "Brittany")),
        ({"country": {"iso_code": 7}, "city": ["x"], "subdivisions": [None]}, NO_GEO),
        ({"country_code": "Germany"}, NO_GEO),
        (None, NO_GEO),
        ("DE", NO_GEO),
    ],
)
def test_shapes(entry: object, geo: Geo) -> None:
    assert geo_of(entry) == geo


def test_a_missing_database_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GeoDatabaseError, match=r"does not exist.*FOOTFALL_GEO_DATABASE"):
        open_geo(tmp_path / "none.mmdb")


def test_a_file_that_is_no_database_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.mmdb").write_bytes(b"not a database" * 100)
    with pytest.raises(GeoDatabaseError, match=r"cannot be read.*FOOTFALL_GEO_DATABASE"):
        open_geo(tmp_path / "x.mmdb")


# A crash of the C reader would end the process: so it is another process.
TRY = """
import sys
from pathlib import Path
from footfall.enrich.geo import GeoDatabaseError, open_geo
try:
    reader = open_geo(Path(sys.argv[1]))
except GeoDatabaseError:
    print("refused")
else:
    for address in ("1.1.1.1", "81.2.69.142", "::1", "2001:218::1", "255.255.255.255"):
        assert isinstance(reader.find(address).country, str)
    print("answered")
"""


@needs_data
@pytest.mark.parametrize("path", sorted(GEOIP.glob("bad-data/*/*.mmdb")), ids=lambda path: path.name)
def test_damaged_databases_are_refused_or_answer_empty(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TRY, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("refused", "answered")


class _Damaged:
    def get(self, address: str) -> object:
        raise maxminddb.InvalidDatabaseError(f"damaged at {address}")


def test_damage_met_later_is_an_empty_answer_and_counted() -> None:
    geo = MmdbGeo(_Damaged())  # type: ignore[arg-type]  # only get() is asked
    assert geo.find("1.2.3.0") == NO_GEO
    assert geo.failures == 1
