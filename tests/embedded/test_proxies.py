"""The shipped nginx and Caddy configurations before a real gateway: whose address arrives,
what a client cannot forge, which bodies pass."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import control
from embedded.paths import environment, resolve
from embedded.probe import http_ok, tcp_open
from eventlog.local import LocalLog
from footfall.record import Record, decode
from footfall.settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
SITE = "shop.example.com"
CLIENT = "127.0.1.5"  # loopback is a whole /8: a client that is not the proxy
SPOOFED = {"X-Forwarded-For": "8.8.8.8", "Forwarded": "for=8.8.4.4", "CF-IPCountry": "NP"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@contextmanager
def process(arguments: list[str], log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    with log.open("wb") as output:
        running = subprocess.Popen(arguments, stdout=output, stderr=output, env={**os.environ, **(env or {})})
    try:
        yield
    finally:
        running.terminate()
        running.wait(15)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, str]]:
    """A gateway that trusts 127.0.0.1 alone, and its site's public id."""
    data_dir = tmp_path_factory.mktemp("gateway") / "data"
    data_dir.mkdir()
    values = {"data_dir": data_dir, "gateway_port": free_port(), "trusted_proxies": "127.0.0.1/32"}
    settings = resolve(Settings.model_validate(values))
    plane = control.open(settings.control_plane_url())
    public_id = plane.add_site(SITE, now=time.time_ns() // 1_000_000).public_id
    plane.close()
    log = data_dir / "gateway.log"
    with process([sys.executable, "-m", "ingest_gateway"], log, environment(settings)):
        wait_for(lambda: http_ok("127.0.0.1", settings.gateway_port, "/readyz"), log)
        yield settings, public_id


@contextmanager
def nginx(settings: Settings, tmp_path: Path) -> Iterator[int]:
    """nginx with the shipped file; only ports and certificate are others."""
    port = free_port()
    _certificate(tmp_path)
    text = (DEPLOY / "nginx.conf").read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{settings.gateway_port}")
    text = re.sub(r"listen 443 ssl;\n    listen \[::\]:443 ssl;", f"listen 127.0.0.1:{port} ssl;", text)
    text = re.sub(r"/etc/letsencrypt/live/stats.example.com/", f"{tmp_path}/", text)
    head = f"daemon off; worker_processes 1; pid {tmp_path}/pid; error_log stderr warn; events {{}}\n"
    kept = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(f"{head}http {{\n{kept}{text}\n}}\n")
    log = tmp_path / "nginx.log"
    with process(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")], log):
        wait_for(lambda: tcp_open("127.0.0.1", port), log)
        yield port


@contextmanager
def caddy(settings: Settings, tmp_path: Path) -> Iterator[int]:
    """Caddy with the shipped file; only ports and certificate are others."""
    port = free_port()
    _certificate(tmp_path)
    text = (DEPLOY / "Caddyfile").read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{settings.gateway_port}")
    head = "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
    tls = f"tls {tmp_path}/fullchain.pem {tmp_path}/privkey.pem\n\tbind 127.0.0.1"
    text = text.replace("stats.example.com {\n", f"https://stats.example.com:{port} {{\n\t{tls}\n")
    (tmp_path / "Caddyfile").write_text(head + text)
    log = tmp_path / "caddy.log"
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    with process(["caddy", "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")], log, env):
        wait_for(lambda: tcp_open("127.0.0.1", port), log)
        yield port


def _certificate(tmp_path: Path) -> None:
    names = ["-subj", "/CN=stats.example.com", "-addext", "subjectAltName=DNS:stats.example.com"]
    out = ["-keyout", str(tmp_path / "privkey.pem"), "-out", str(tmp_path / "fullchain.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *names, *out]
    subprocess.run(command, check=True, capture_output=True)


PROXIES = {"nginx": nginx, "caddy": caddy}


@pytest.fixture(scope="module", params=list(PROXIES))
def proxy(
    request: pytest.FixtureRequest, gateway: tuple[Settings, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    if shutil.which(request.param) is None or shutil.which("openssl") is None:
        pytest.skip(f"{request.param} or openssl is not installed")
    with PROXIES[request.param](gateway[0], tmp_path_factory.mktemp(request.param)) as port:
        yield port


def ask(
    port: int, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> http.client.HTTPResponse:
    """A request over TLS from `CLIENT`; the answer, read."""
    context = ssl._create_unverified_context()
    raw = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(CLIENT, 0))
    connection = http.client.HTTPSConnection("stats.example.com", port, timeout=10, context=context)
    connection.sock = context.wrap_socket(raw, server_hostname="stats.example.com")
    connection.request(method, path, body, {"Origin": f"https://{SITE}", **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def send(port: int, public_id: str, name: str, headers: dict[str, str], packed: bool = False) -> int:
    body = json.dumps({"events": [{"name": name, "url": f"https://{SITE}/"}]}).encode()
    more = {"Content-Type": "application/json", "X-Footfall-Site": public_id, **headers}
    if packed:
        body, more = gzip.compress(body), {**more, "Content-Encoding": "gzip"}
    return ask(port, "POST", "/v1/batch", body, more).status


def record_of(settings: Settings, name: str) -> Record:
    reader = LocalLog(settings.log_dir(settings.stage), settings.partitions).reader()
    try:
        for partition in range(settings.partitions):
            first, _ = reader.bounds(partition)
            for raw in reader.read(partition, first, 10_000, 2**24):
                record = decode(raw.value)
                if record.events and record.events[0].name == name:
                    return record
    finally:
        reader.close()
    raise AssertionError(f"no event {name} in the log")


def test_the_clients_address_arrives_and_cannot_be_forged(gateway: tuple[Settings, str], proxy: int) -> None:
    settings, public_id = gateway
    name = f"honest_{proxy}"
    assert send(proxy, public_id, name, SPOOFED) == 202
    record = record_of(settings, name)
    assert record.address == "127.0.1.0"
    assert record.country == ""


def test_compressed_bodies_pass_as_they_are(gateway: tuple[Settings, str], proxy: int) -> None:
    assert send(proxy, gateway[1], f"packed_{proxy}", {}, packed=True) == 202


def test_a_body_that_is_too_large_is_refused(gateway: tuple[Settings, str], proxy: int) -> None:
    headers = {"Content-Type": "application/json", "X-Footfall-Site": gateway[1]}
    assert ask(proxy, "POST", "/v1/batch", b" " * (1024 * 1024 + 1), headers).status == 413


def test_preflights_and_refusals_pass(gateway: tuple[Settings, str], proxy: int) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = ask(proxy, "OPTIONS", "/v1/batch", headers=asked)
    assert answer.status in (200, 204)
    assert answer.getheader("access-control-allow-origin") == f"https://{SITE}"
    assert send(proxy, "pub_nobody", "x", {}) == 401


def test_inner_pages_stay_inside(proxy: int) -> None:
    assert ask(proxy, "GET", "/metrics").status == 404
    assert ask(proxy, "GET", "/readyz").status == 404
    assert ask(proxy, "GET", "/healthz").status == 200


def test_without_trust_the_header_counts_for_nothing(gateway: tuple[Settings, str]) -> None:
    settings, public_id = gateway
    connection = http.client.HTTPConnection(
        "127.0.0.1", settings.gateway_port, timeout=10, source_address=(CLIENT, 0)
    )
    body = json.dumps({"events": [{"name": "direct", "url": f"https://{SITE}/"}]})
    headers = {"Content-Type": "application/json", "X-Footfall-Site": public_id, "Origin": f"https://{SITE}"}
    connection.request("POST", "/v1/batch", body, {**headers, **SPOOFED})
    assert connection.getresponse().status == 202
    connection.close()
    record = record_of(settings, "direct")
    assert (record.address, record.country) == ("127.0.1.0", "")
