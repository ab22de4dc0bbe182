"""The whole Footfall with its control plane on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from sqlalchemy import URL

from cli.running import started
from tests.cli.conftest import Installation
from tests.fixtures.postgres import PostgresServer, full

WAIT_S = 20.0


@pytest.fixture
def installation(tmp_path: Path, postgres_url: URL) -> Installation:
    return Installation(tmp_path / "data", control_url=full(postgres_url))


def send(installation: Installation, public_id: str) -> httpx.Response:
    """One event, sent again until the gateway knows the site (it asks once a second)."""
    deadline = time.monotonic() + WAIT_S
    while True:
        answer = httpx.post(
            f"http://127.0.0.1:{installation.settings.gateway_port}/v1/batch",
            json={"events": [{"name": "page_view", "url": "https://shop.example.com/"}]},
            headers={"x-footfall-site": public_id, "origin": "https://shop.example.com"},
            timeout=10,
        )
        if answer.status_code == 202 or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


def public_id(text: str) -> str:
    return next(word for word in text.replace("=", " ").replace('"', " ").split() if word.startswith("pub_"))


def test_from_the_site_to_the_event(
    installation: Installation, postgres: PostgresServer, postgres_url: URL
) -> None:
    with started(installation.settings):
        answer = send(installation, public_id(installation.ok("site", "add", "shop.example.com")))
        assert answer.status_code == 202, answer.text
        postgres.restart()
        assert (
            send(installation, public_id(installation.ok("site", "show", "shop.example.com"))).status_code == 202
        )
        deadline = time.monotonic() + WAIT_S
        while installation.query("SELECT count() FROM {db}.events WHERE site_id = 'shop.example.com'") != [["2"]]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert "Everything is up to date." in installation.ok("migrate")
        findings = {one["what"]: one for one in json.loads(installation.ok("doctor", "--json"))}
        assert findings["control"]["state"] == "ok"
        assert "PostgreSQL" in findings["control"]["found"]
        postgres.stop()
        try:
            told = installation.run("doctor")
            assert told.returncode == 1
            assert f"bad  control    the control plane (database {postgres_url.database} of" in told.stdout
        finally:
            postgres.start()
    data_dir = installation.settings.data_dir
    assert not (data_dir / "control.db").exists()
    logs = "".join(path.read_text() for path in (data_dir / "logs").iterdir())
    assert str(postgres_url.password) not in logs + told.stdout
    assert "Traceback" not in logs


def test_migrate_makes_the_tables_before_anything_runs(installation: Installation) -> None:
    check = installation.run("migrate", "--check")
    assert "control plane: make the tables (version" in check.stdout
    assert check.returncode == 1
    made = installation.run("migrate")
    assert "control plane: make the tables (version" in made.stdout
    assert made.returncode == 1  # the store does not run
    assert "control plane" not in installation.run("migrate", "--check").stdout
    assert "Site shop.example.com is there." in installation.ok("site", "add", "shop.example.com")
    assert "Traceback" not in check.stderr + made.stderr


@pytest.mark.parametrize("module", ["ingest_gateway", "flows", "jobs", "embedded.prepare"])
def test_a_part_whose_control_plane_is_away_says_so_in_one_line(
    tmp_path: Path, postgres_url: URL, module: str
) -> None:
    installation = Installation(tmp_path / "data", control_url=full(postgres_url.set(port=1)))
    done = subprocess.run(
        [sys.executable, "-m", module], env=installation.env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "cannot be used now" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert str(postgres_url.password) not in done.stderr + done.stdout
