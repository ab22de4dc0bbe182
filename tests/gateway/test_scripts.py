"""The SDK's files over HTTP, under the names of all sites and of a site's own."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.names import RESERVED_SEGMENTS, RESERVED_STEMS
from footfall.sites import Site
from ingest_gateway.scripts import FOLDER, Scripts, ScriptsError, choose_coding, load_scripts
from tests.gateway.asking import ORIGIN, PAGE, error_of
from tests.gateway.harness import GatewayProcess, wait_for
from tests.gateway.own_scripts import CORE, PART, VERSION, write_scripts


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("sdk")
    write_scripts(folder)
    running = GatewayProcess(tmp_path_factory.mktemp("gateway"), address_requests_per_second=1)
    running.control.add_site("shop.example.com", now=0)
    try:
        running.start(sys.executable, "-m", "tests.gateway.own_scripts", str(folder))
        yield running
    finally:
        running.close()


@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
@pytest.mark.parametrize(
    ("path", "content", "cache"),
    [
        ("/f.js", CORE, "public, max-age=3600, stale-while-revalidate=86400"),
        ("/f.auto.js", PART, "public, max-age=3600, stale-while-revalidate=86400"),
        ("/pixel.js", CORE, "public, max-age=3600, stale-while-revalidate=86400"),
        ("/pixel.auto.js", PART, "public, max-age=3600, stale-while-revalidate=86400"),
        (f"/f-{VERSION}.js", CORE, "public, max-age=31536000, immutable"),
        (f"/f-{VERSION}.auto.js", PART, "public, max-age=31536000, immutable"),
    ],
)
def test_a_script(serving: GatewayProcess, path: str, content: bytes, cache: str, coding: str) -> None:
    asked = {"accept-encoding": coding, "origin": "https://anybody.example"}
    answer = serving.client.get(path, headers=asked)
    assert (answer.status_code, answer.content) == (200, content)
    told = {
        "content-type": "text/javascript; charset=utf-8",
        "cache-control": cache,
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
        "timing-allow-origin": "*",
        "vary": "accept-encoding",
    }
    assert {name: answer.headers.get(name) for name in told} == told
    assert answer.headers.get("content-encoding", "identity") == coding
    assert (int(answer.headers["content-length"]) < len(content)) == (coding != "identity")
    again = serving.client.get(path, headers=asked | {"if-none-match": f'"x", W/{answer.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert serving.client.get(path, headers={"if-none-match": '"x"'}).status_code == 200
    head = serving.client.head(path, headers=asked)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])


def test_who_asks_often_gets_it_each_time(serving: GatewayProcess) -> None:
    headers = {"x-forwarded-for": "203.0.113.5"}
    assert {serving.client.get("/f.js", headers=headers).status_code for _ in range(100)} == {200}


def test_other_scripts_are_unknown(serving: GatewayProcess) -> None:
    for path in ("/f.nothing.js", "/f-0.0.1.js", "/shop.js.js", "/sdk/f.js", "/f.auto.js.map"):
        assert error_of(serving.client.get(path)) == (404, "not_found")
    assert error_of(serving.client.post("/f.js")) == (405, "method")


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("GZIP;Q=1", "gzip"),
        ("*", "br"),
        ("*;q=0", ""),
        ("br;q=what", ""),
        ("", ""),
        ("identity", ""),
    ],
)
def test_the_coding_is_one_the_browser_takes(accepted: str, coding: str) -> None:
    assert choose_coding(accepted) == coding


def test_a_sites_own_names_hold_within_five_seconds_and_end_so(serving: GatewayProcess) -> None:
    site = serving.control.set_names("shop.example.com", script_name="shop.js", endpoint_path="/s/collect")
    wait_for(lambda: serving.client.get("/shop.js").status_code == 200, 5, "the script's own name")
    assert serving.client.get("/shop.js").content == CORE
    assert serving.client.get("/shop.auto.js").content == PART
    assert "immutable" in serving.client.get(f"/shop-{VERSION}.js").headers["cache-control"]
    assert serving.client.get(f"/shop-{VERSION}.auto.js").content == PART
    assert serving.client.get("/f.js").content == CORE  # stays
    _send_to_own_path(serving, site)
    metrics = serving.client.get("/metrics").text
    assert "shop" not in metrics
    assert "/s/collect" not in metrics
    serving.control.set_names("shop.example.com", script_name="", endpoint_path="")
    wait_for(lambda: serving.client.get("/shop.js").status_code == 404, 5, "the end of the script's name")
    assert serving.client.post("/s/collect", content=b"{}").status_code == 404


def _send_to_own_path(serving: GatewayProcess, site: Site) -> None:
    batches = 'footfall_gateway_requests_total{endpoint="/v1/batch",status="202"}'
    before = serving.metric(batches)
    body = json.dumps({"events": [PAGE]})
    headers = ORIGIN | {"content-type": "text/plain"}
    answer = serving.client.post("/s/collect", params={"site": site.public_id}, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1, "rejected": []})
    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
    assert serving.metric(batches) == before + 1
    preflight = serving.client.options("/s/collect", headers=ORIGIN)
    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "POST")
    assert error_of(serving.client.get("/s/collect")) == (405, "method")


def test_the_gateways_own_paths_are_reserved(gateway: GatewayProcess) -> None:
    """Whatever the OpenAPI document lists begins with what no site can take."""
    for path in gateway.client.get("/openapi.json").json()["paths"]:
        first = path.split("/")[1]
        stem, dot, _ = first.partition(".")
        assert first in RESERVED_SEGMENTS or first == "v1" or (dot and stem in (*RESERVED_STEMS, "openapi")), path


def test_without_built_files_the_script_is_missing_and_said_to_be(tmp_path: Path) -> None:
    assert load_scripts(tmp_path).manifest.version == ""
    assert load_scripts(tmp_path).tails == (".js",)
    assert set(Scripts().handlers()) == {"/f.js", "/pixel.js"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("f.js", b"changed", "not the one manifest.json was made of"),
        ("f.more.js", b"unknown", "f.more.js"),
        ("f.auto.js", None, "has f.js, manifest.json names f.auto.js, f.js"),
        ("manifest.json", b"{", "cannot be read"),
        ("manifest.json", b'{"version":"../x","files":{}}', "0.1.0"),
        ("manifest.json", b'{"version":"1.0.0","files":{"../f.js":{"bytes":1,"sha256":""}}}', "other names"),
    ],
)
def test_files_that_are_not_the_manifests_are_told(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    write_scripts(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ScriptsError, match="build the SDK again") as told:
        load_scripts(tmp_path)
    assert said in str(told.value)


def test_a_gateway_whose_files_are_damaged_does_not_start(tmp_path: Path) -> None:
    folder = tmp_path / "sdk"
    folder.mkdir()
    write_scripts(folder)
    (folder / "f.js").write_text("other")
    gateway = GatewayProcess(tmp_path)
    try:
        with pytest.raises(AssertionError, match="stopped: the folder of the SDK's built files"):
            gateway.start(sys.executable, "-m", "tests.gateway.own_scripts", str(folder))
        assert gateway.process.wait(10) == 1
    finally:
        gateway.close()


def test_the_committed_files_are_what_their_manifest_says(gateway: GatewayProcess) -> None:
    manifest = load_scripts(FOLDER).manifest
    assert "f.js" in manifest.files
    for name, told in manifest.files.items():
        for path in (f"/{name}", f"/f-{manifest.version}{name.removeprefix('f')}"):
            content = gateway.client.get(path).content
            assert base64.b64encode(hashlib.sha256(content).digest()).decode() == told.sha256
