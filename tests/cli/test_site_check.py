"""`footfall site check` as a whole: a page over HTTP, a running installation, the row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import control
from cli import main
from cli.running import started
from footfall.sites import Site
from ingest_gateway import scripts
from tests.cli.conftest import Installation
from tests.cli.web import JAVASCRIPT, JSON, NAME, Answer, Web, resolve_to_here, tag
from tests.gateway.own_scripts import CORE, VERSION, write_scripts

Check = Callable[..., str]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """With one site, which has names of its own."""
    data_dir = tmp_path_factory.mktemp("footfall") / "data"
    made = Installation(data_dir, trusted_proxies="127.0.0.1/32", flush_seconds=0.2)
    plane = control.open(made.settings.control_plane_url())
    plane.add_site(NAME, now=0)
    plane.set_excluded_paths(NAME, ["/hidden"])
    plane.set_names(NAME, script_name="shop.js", endpoint_path="/s/collect")
    plane.close()
    with started(made.settings):
        yield made


@pytest.fixture(scope="module")
def site(installation: Installation) -> Site:
    plane = control.open(installation.settings.control_plane_url())
    found = plane.site(NAME)
    plane.close()
    return found


@pytest.fixture
def web(installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    """The site, with the gateway behind it, and its script. `shop.example.com` is this machine."""
    resolve_to_here(monkeypatch)
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    write_scripts(tmp_path)
    made = Web(installation.settings.gateway_address())
    made.pages["/shop.js"] = 200, JAVASCRIPT, CORE
    yield made
    made.close()


@pytest.fixture
def check(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Check:
    for name, value in installation.env.items():
        if name.startswith("FOOTFALL_"):
            monkeypatch.setenv(name, value)

    def invoke(*arguments: str, code: int = 1) -> str:
        result = CliRunner().invoke(main, ["site", "check", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def test_all_is_well(site: Site, web: Web, check: Check) -> None:
    web.sends = {"x-forwarded-for": "203.0.113.7", "cf-ipcountry": "DE"}
    url = web.page(tag(site), "/home", **{"content-security-policy": "default-src 'self'"})
    out = check(url, code=0)
    assert "bad " not in out
    assert f"it is the one of this release ({VERSION})" in out
    assert "the gateway kept 203.0.113.0" in out
    assert "DE, by the header cf-ipcountry" in out
    row = dict(line.split(None, 1) for line in out.partition("\n\n")[2].splitlines())
    assert (row["name"], row["host"], row["path"]) == ("footfall_check", url.split("/")[2], "/home")
    assert (row["country"], row["site_id"]) == ("DE", NAME)
    assert row["bot"]  # so that it counts for nobody


def test_a_page_whose_build_brings_the_sdk(site: Site, installation: Installation, web: Web, check: Check) -> None:
    url = web.page("<p>nothing to see</p>").replace(NAME, "localhost")
    assert 'no tag with data-site="pub_..."' in check(url)
    out = check(url, "--site", NAME, code=0)
    assert f"sends to {installation.settings.gateway_address()}/s/collect" in out
    assert "its events go to stage dev" in out


def test_a_domain_that_is_not_the_sites(site: Site, web: Web, check: Check) -> None:
    out = check(web.page(tag(site)).replace(NAME, "other.example.org"))
    assert f"`footfall site set {NAME} --add-domain other.example.org`" in out
    assert "403 origin" in out


def test_a_proxy_that_is_not_trusted(site: Site, web: Web, check: Check) -> None:
    web.sends, web.address = {"x-forwarded-for": "203.0.113.7"}, "127.0.1.9"
    out = check(web.page(tag(site)))
    assert "a proxy that is not trusted" in out
    assert "FOOTFALL_TRUSTED_PROXIES" in out
    assert f"{'host':<18} {NAME}" in out  # it came all the same


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            (404, {"content-type": "text/html"}, b"no"),
            "/s/collect is answered 404 with text/html, not by a gateway",
        ),
        ((302, {"location": "/elsewhere"}, b""), "leads on to"),
        ((429, JSON, b'{"error":"rate","message":"wait"}'), "the event was refused, 429 rate: wait"),
        ((202, JSON, b'{"accepted":0,"rejected":[]}'), "the event was not accepted"),
    ],
)
def test_an_endpoint_that_takes_nothing(site: Site, web: Web, check: Check, answer: Answer, said: str) -> None:
    web.pages[f"/s/collect?site={site.public_id}"] = answer
    web.pages["/elsewhere"] = 200, {"content-type": "text/html"}, b"the shop"
    assert said in check(web.page(tag(site)))


def test_an_answer_that_the_page_may_not_read(site: Site, web: Web, check: Check) -> None:
    path = f"/s/collect?site={site.public_id}"
    web.pages[path] = 202, JSON | {"access-control-allow-origin": "*, *"}, b'{"accepted":1,"rejected":[]}'
    to = web.url.replace(NAME, "localhost") + "/s/collect"
    out = check(web.page(tag(site, more=f'data-endpoint="{to}"')))
    assert "the page may not read the answer: Access-Control-Allow-Origin is *, *" in out


def test_an_event_that_is_not_stored_is_explained(site: Site, web: Web, check: Check) -> None:
    out = check(web.page(tag(site), "/hidden"), "--timeout", "2")
    assert "the event was taken, and is not stored after 2 s" in out
    assert "DROPPED: excluded" in out  # as `footfall explain` tells it
