"""`footfall site check`, the part that only looks: real pages over HTTP, a finding each."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.explaining.arrivals import Arrival
from cli.site_checking.arriving import address_findings
from cli.site_checking.fetching import MAX_BYTES, FetchError, fetch
from cli.site_checking.look import look
from footfall.record import Record
from footfall.settings import Settings
from footfall.sites import Site, Sites
from ingest_gateway import scripts
from tests.cli.web import JAVASCRIPT, NAME, Answer, Web, certificate, resolve_to_here, tag
from tests.gateway.own_scripts import CORE, VERSION, write_scripts

SITE = Site(site_id=NAME, public_id="pub_shop", domains=(NAME,), script_name="shop.js", endpoint_path="/s/collect")
SITES = Sites(by_id={NAME: SITE})
INTEGRITY = "sha256-" + base64.b64encode(hashlib.sha256(CORE).digest()).decode()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    """The site and its script. `shop.example.com` is this machine."""
    resolve_to_here(monkeypatch)
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    write_scripts(tmp_path)
    made = Web("")
    made.pages["/shop.js"] = 200, JAVASCRIPT, CORE
    yield made
    made.close()


def look_at(url: str) -> str:
    """What is found, which is not only good."""
    _, findings = look(url, SITES, Settings())
    assert any(finding.state != "ok" for finding in findings), findings
    assert all(finding.mend for finding in findings if finding.state != "ok")
    return "\n".join(f"{finding.found} -> {finding.mend}" for finding in findings)


def test_a_pixel_alone(web: Web) -> None:
    out = look_at(web.page(f'<noscript><img src="/v1/pixel.gif?site={SITE.public_id}"></noscript>'))
    assert "a pixel and no script" in out


def test_an_unknown_id(web: Web) -> None:
    assert "no site here has the id pub_other" in look_at(web.page(tag(SITE).replace(SITE.public_id, "pub_other")))


def test_two_tags(web: Web) -> None:
    assert "2 tags" in look_at(web.page(tag(SITE) * 2))


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content-security-policy": "script-src 'nonce-a'"}, "the script is blocked by script-src 'nonce-a'"),
        ({"content-security-policy": "connect-src https://api.example"}, "is blocked by connect-src https://api"),
    ],
)
def test_a_policy_that_blocks(web: Web, headers: dict[str, str], said: str) -> None:
    out = look_at(web.page(tag(SITE), **headers))
    assert said in out
    assert "-> add 'self' to" in out


def test_a_policy_in_the_html(web: Web) -> None:
    meta = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'\">"
    assert "/s/collect is blocked by default-src 'none'" in look_at(web.page(meta + tag(SITE)))


@pytest.mark.parametrize(
    ("answer", "more", "said"),
    [
        ((404, {"content-type": "text/html"}, b"no"), "", "answered 404 with text/html, not with a script"),
        ((200, JAVASCRIPT, b"old()"), "", f"not the script of this release ({VERSION})"),
        ((200, JAVASCRIPT, CORE), 'integrity="sha256-AAAA"', "not what the tag's integrity names"),
        ((200, JAVASCRIPT, CORE), 'data-auto="sha256-AAAA"', "not what the tag's data-auto names"),
    ],
)
def test_a_script_that_is_not_ours(web: Web, answer: Answer, more: str, said: str) -> None:
    web.pages["/shop.js"] = answer
    assert said in look_at(web.page(tag(SITE, more=f'data-endpoint="/s/collect" {more}')))


@pytest.mark.parametrize(
    ("more", "headers", "said"),
    [
        ("", {}, "integrity without crossorigin"),
        ("crossorigin", {}, "takes Access-Control-Allow-Origin away"),
    ],
)
def test_integrity_on_another_origin(web: Web, more: str, headers: dict[str, str], said: str) -> None:
    src = web.url.replace(NAME, "localhost") + "/shop.js"
    assert said in look_at(web.page(tag(SITE, src, f'{more} integrity="{INTEGRITY}"')))


def test_a_page_over_https_with_a_script_over_http(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secure = Web(web.upstream, certificate(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    try:
        out = look_at(secure.page(tag(SITE, f"{web.url}/shop.js")))
    finally:
        secure.close()
    assert f"the page comes over https, the script is {web.url}/shop.js: browsers block it" in out
    assert "the page comes over https, the endpoint is" in out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((403, {"content-type": "text/html"}, b"log in"), "answers 403"),
        ((301, {"location": "/round"}, b""), "answers 301"),
        ((301, {"location": "file:///etc/passwd"}, b""), "answers 301"),
    ],
)
def test_a_page_that_does_not_come(web: Web, answer: Answer, said: str) -> None:
    web.pages["/round"] = answer
    assert said in look_at(f"{web.url}/round")


def test_no_server_at_all(web: Web) -> None:
    web.close()
    assert "does not answer" in look_at(web.url)
    assert "is no http or https URL" in look_at("ftp://shop.example.com/")


def test_a_page_is_read_up_to_its_bounds(web: Web) -> None:
    out = look_at(web.page(" " * MAX_BYTES + tag(SITE)))
    assert "larger than 2 MiB" in out
    assert "no tag" in out


def test_a_server_that_drips_is_left(web: Web) -> None:
    web.drips = True
    with pytest.raises(FetchError, match=r"did not answer within 0\.5 s"):
        fetch(web.page("x" * 1000), timeout_s=0.5)


def test_an_inner_address_behind_an_endpoint_on_the_internet() -> None:
    arrival = Arrival(0, 0, 0, Record(address="10.1.2.0"), 0)
    (finding,) = address_findings(arrival, {}, "https://8.8.8.8/v1/batch", 0)
    assert (finding.state, "10.1.2.0" in finding.found) == ("bad", True)


def test_everybody_from_one_address() -> None:
    arrival = Arrival(0, 0, 0, Record(address="8.8.4.0"), 0)
    lately = {"8.8.4.0": {f"browser {number}" for number in range(20)}}
    (finding,) = address_findings(arrival, lately, "https://8.8.8.8/v1/batch", 0)
    assert (finding.state, "all 20 kinds of browsers" in finding.found) == ("warn", True)
    (finding,) = address_findings(arrival, lately | {"9.9.9.0": {"x"}}, "https://8.8.8.8/v1/batch", 0)
    assert finding.state == "ok"
