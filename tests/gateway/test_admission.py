"""A browser is remembered by everything that decides how it is admitted, and by no more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

import control
from footfall.settings import Settings
from footfall.sites import Site
from ingest_gateway.address import AddressResolver, parse_networks
from ingest_gateway.admission import KEY_HEADERS, Admission, Known
from ingest_gateway.answers import RefusedError
from ingest_gateway.caller import Stages, admit_browser
from ingest_gateway.client import read_client
from ingest_gateway.directory import Directory
from ingest_gateway.metrics import Counts
from ingest_gateway.request import Exchange, Request, RequestScope

COUNTRY = "cf-ipcountry"
FULL = {
    "origin": "https://shop.example.com",
    "referer": "https://shop.example.com/a",
    "user-agent": "Firefox",
    "accept-language": "de",
    "sec-ch-ua": "a",
    "sec-ch-ua-mobile": "?0",
    "sec-ch-ua-platform": "b",
    "sec-ch-ua-platform-version": "c",
    "sec-ch-ua-model": "d",
    "sec-ch-ua-full-version-list": "e",
    "sec-gpc": "0",
    "dnt": "0",
    "sec-purpose": "x",
    "purpose": "y",
    "x-forwarded-for": "203.0.113.7",
    "forwarded": "for=203.0.113.8",
    COUNTRY: "DE",
}
OTHER = {
    "origin": "http://localhost:3000",
    "x-forwarded-for": "198.51.100.9",
    "sec-gpc": "1",
    "dnt": "1",
    "sec-purpose": "prefetch",
    "purpose": "prefetch",
    COUNTRY: "FR",
}
UNREAD = {"cookie": "a=1", "accept": "*/*", "content-length": "77", "if-none-match": "x"}


class Recorder(dict[str, str]):
    """Headers that note which of them are looked at, in whatever way."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(headers)
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.read.add(str(name))
        return super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("reads every header: no key can hold that")

    def items(self) -> Any:
        raise AssertionError("reads every header: no key can hold that")


class Scope:
    proto, method, path = "http", "POST", "/v1/batch"

    def __init__(self, query: str, client: str) -> None:
        self.query_string = query
        self.client = client


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    plane = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    for domain in ("shop.example.com", "blog.example.com"):
        plane.add_site(domain, now=0)
    yield Directory(plane, {"prod": 4, "dev": 1}, 0.0, lambda: int(time.time() * 1000))
    plane.close()


@pytest.fixture
def admission(directory: Directory, tmp_path: Path) -> Admission:
    settings = Settings(data_dir=tmp_path, trusted_proxies="127.0.0.1", country_header=COUNTRY)
    return Admission(settings, directory, Counts())


@pytest.fixture
def site(directory: Directory) -> Site:
    return _site(directory, "shop.example.com")


def _site(directory: Directory, domain: str) -> Site:
    sites = [access.site for access in directory.view.by_public_id.values()]
    return next(site for site in sites if domain in site.domains)


def recognise(by: Admission, headers: dict[str, str], query: str = "", client: str = "127.0.0.1:5") -> Known:
    scope = cast(RequestScope, Scope(query, client))
    return by.recognise(Request(scope, cast(Exchange, None), headers, 0))


def read_of(headers: dict[str, str], directory: Directory, site: Site) -> set[str]:
    """The headers that are looked at to admit this browser and to describe it."""
    seen = Recorder(headers)
    admit_browser(directory.view, site.public_id, seen, Stages("prod", "dev"))
    address = AddressResolver(parse_networks("127.0.0.1")).resolve("127.0.0.1:5", "", "")
    read_client(seen, address, COUNTRY)
    return seen.read


def test_every_header_that_is_read_is_part_of_the_key(directory: Directory, site: Site) -> None:
    key = {*KEY_HEADERS, COUNTRY}
    with_origin = read_of(FULL, directory, site)
    assert with_origin <= key
    assert key - with_origin == {
        "x-footfall-site",
        "x-forwarded-for",
        "forwarded",
    }  # read to find site and address
    without = {name: value for name, value in FULL.items() if name != "origin"}
    assert read_of(without, directory, site) <= key | {"referer"}
    assert read_of({}, directory, site) <= key | {"referer"}


@pytest.mark.parametrize("name", [name for name in FULL if name != "referer"])
def test_another_value_is_another_browser(admission: Admission, site: Site, name: str) -> None:
    mine = FULL | {"x-footfall-site": site.public_id}
    first = recognise(admission, dict(mine))
    assert recognise(admission, dict(mine)) is first
    for other in (mine | {name: OTHER.get(name, "another")}, {key: mine[key] for key in mine if key != name}):
        found = recognise(admission, other)
        assert found is not first
        fresh = admission.browser(_request(other), site.public_id)
        assert (found.client, found.caller) == (fresh.client, fresh.caller)


def _request(headers: dict[str, str]) -> Request:
    return Request(cast(RequestScope, Scope("", "127.0.0.1:5")), cast(Exchange, None), headers, 0)


def test_what_nobody_reads_makes_no_other_browser(admission: Admission, site: Site) -> None:
    mine = FULL | {"x-footfall-site": site.public_id}
    first = recognise(admission, dict(mine))
    assert recognise(admission, mine | UNREAD, client="127.0.0.1:6") is first
    assert recognise(admission, mine | {"referer": "https://shop.example.com/b"}) is first


def test_referer_counts_where_there_is_no_origin(admission: Admission, site: Site) -> None:
    mine = {"x-footfall-site": site.public_id, "referer": "https://shop.example.com/a"}
    first = recognise(admission, mine)
    assert first.caller.stage == "prod"
    assert recognise(admission, mine | {"referer": "http://localhost/a"}).caller.stage == "dev"
    assert recognise(admission, {"x-footfall-site": site.public_id}).client.signals != first.client.signals
    with pytest.raises(RefusedError):
        recognise(admission, mine | {"referer": "https://evil.example/"})


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://pr-7-shop.vercel.app"])
def test_without_a_stage_for_them_localhost_and_previews_are_refused(
    directory: Directory, site: Site, origin: str
) -> None:
    """They must not count in production; neither by public id nor by server key."""
    own = Settings(stage="staging", dev_stage="devstaging", trusted_proxies="127.0.0.1")
    none = own.model_copy(update={"dev_stage": ""})
    _, text = directory._control.create_key(site.site_id, now=0)
    directory.refresh()
    mine = {"x-footfall-site": site.public_id, "origin": origin}
    server = _request({"authorization": f"Bearer {text}", "origin": origin})
    taken = Admission(own, directory, Counts())
    assert recognise(taken, mine).caller.stage == taken.server(server).caller.stage == "devstaging"
    refusing = Admission(none, directory, Counts())
    with pytest.raises(RefusedError, match="FOOTFALL_DEV_STAGE") as browser:
        recognise(refusing, mine)
    with pytest.raises(RefusedError, match="FOOTFALL_DEV_STAGE") as key:
        refusing.server(server)
    for refused in (browser.value, key.value):
        assert (refused.status, refused.error) == (403, "dev_origin")
    here = {"x-footfall-site": site.public_id, "origin": "https://shop.example.com"}
    assert recognise(refusing, here).caller.stage == "staging"


def test_sites_and_peers_are_told_apart(admission: Admission, directory: Directory, site: Site) -> None:
    other = _site(directory, "blog.example.com")
    for public_id, expected in ((site.public_id, site), (other.public_id, other)):
        assert recognise(admission, {"x-footfall-site": public_id}).caller.site is expected
        assert recognise(admission, {}, f"site={public_id}").caller.site is expected
    near = recognise(admission, {"x-footfall-site": site.public_id})
    far = recognise(admission, {"x-footfall-site": site.public_id}, client="192.0.2.1:5")
    assert near.client.address.full != far.client.address.full


def test_a_new_view_forgets(admission: Admission, directory: Directory, site: Site) -> None:
    mine = {"x-footfall-site": site.public_id}
    first = recognise(admission, mine)
    directory._replace(by_public_id={})
    with pytest.raises(RefusedError):
        recognise(admission, mine)
    assert first.caller.site is site
