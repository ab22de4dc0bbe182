"""The shipped snippets for a site's own domain, in nginx and Caddy, before a real gateway."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from embedded.probe import tcp_open
from footfall.record import Record
from footfall.sites import Site
from tests.embedded.test_proxies import CLIENT, DEPLOY, SITE, SPOOFED, free_port, process, wait_for
from tests.gateway.harness import GatewayProcess
from tests.gateway.own_scripts import CORE, PART, VERSION, write_scripts

Proxy = Callable[[str, Path], AbstractContextManager[int]]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GatewayProcess, Site]]:
    folder = tmp_path_factory.mktemp("sdk")
    write_scripts(folder)
    gateway = GatewayProcess(tmp_path_factory.mktemp("gateway"), trusted_proxies="127.0.0.1/32")
    gateway.control.add_site(SITE, now=0)
    site = gateway.control.set_names(SITE, script_name="shop.js", endpoint_path="/s/collect")
    try:
        gateway.start(sys.executable, "-m", "tests.gateway.own_scripts", str(folder))
        yield gateway, site
    finally:
        gateway.close()


@contextmanager
def nginx(address: str, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    snippet = (DEPLOY / "own-domain.nginx.conf").read_text().replace("127.0.0.1:8080", address)
    kept = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr warn; events {{}}\n"
    own = 'location / { return 200 "the shop"; }'
    server = f"access_log off;\nserver {{\nlisten 127.0.0.1:{port};\n{own}\n{snippet}\n}}"
    (tmp_path / "nginx.conf").write_text(f"{head}http {{\n{kept}{server}\n}}\n")
    log = tmp_path / "nginx.log"
    with process(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], log):
        wait_for(lambda: tcp_open("127.0.0.1", port), log)
        yield port


@contextmanager
def caddy(address: str, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    snippet = (DEPLOY / "own-domain.Caddyfile").read_text().replace("127.0.0.1:8080", address)
    head = "{\n\tadmin off\n\tauto_https off\n}\n"
    own = 'handle {\n\trespond "the shop"\n}'
    text = f"{head}http://:{port} {{\n\tbind 127.0.0.1\n{own}\n{snippet}\n}}\n"
    (tmp_path / "Caddyfile").write_text(text)
    log = tmp_path / "caddy.log"
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with process(["caddy", "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")], log, env):
        wait_for(lambda: tcp_open("127.0.0.1", port), log)
        yield port


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_script_and_endpoint_are_the_sites_own(
    serving: tuple[GatewayProcess, Site], proxy: Proxy, tmp_path: Path
) -> None:
    gateway, site = serving
    client = httpx.HTTPTransport(local_address=CLIENT)
    with (
        proxy(f"127.0.0.1:{gateway.port}", tmp_path) as port,
        httpx.Client(transport=client, base_url=f"http://127.0.0.1:{port}", timeout=10) as browser,
    ):
        assert browser.get("/").text == "the shop"
        assert browser.get("/shop.js").content == CORE
        assert browser.get("/shop.auto.js").content == PART
        assert browser.get(f"/shop-{VERSION}.auto.js").content == PART
        for path in ("/f.js", "/v1/batch", "/metrics", "/shopping.js", "/s/collect/more"):
            assert browser.get(path).text == "the shop"
        made = _send(browser, gateway, site)
    assert (made.address, made.country) == (CLIENT.rpartition(".")[0] + ".0", "")


def _send(browser: httpx.Client, gateway: GatewayProcess, site: Site) -> Record:
    batch_id = uuid.uuid4()
    body = json.dumps({"batch_id": str(batch_id), "events": [{"name": "page_view", "url": f"https://{SITE}/"}]})
    headers = {**SPOOFED, "content-type": "text/plain", "origin": f"https://{SITE}", "cookie": "session=secret"}
    answer = browser.post("/s/collect", params={"site": site.public_id}, content=body, headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
    (made,) = [made for made in gateway.records() if made.batch_id == batch_id.bytes]
    return made
