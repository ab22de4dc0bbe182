"""A replay under load, while it, the flow, the gateway and the servers are killed: live events stay what they
are, and replayed ones become what they were, since no rule changed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from objects.opening import open_objects
from tests.archive.reading import stored_entries
from tests.drill.load import Load
from tests.drill.production import BROKER, POSTGRES, S3, Production, Servers, own_servers
from tests.drill.settle import settle
from tests.drill.stack import HOST, wait_for

KILLED = ("flow", S3, BROKER, POSTGRES, "gateway")
ARCHIVED = 600  # records, before the replay begins

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with own_servers(tmp_path) as made:
        yield made


def archived(stack: Production) -> int:
    store = open_objects(stack.settings, stack.settings.stage)
    return sum(map(len, stored_entries(store).values()))


def replay(stack: Production, log: Path) -> subprocess.Popen[bytes]:
    """`footfall replay` of all there is, under way."""
    now = datetime.now(UTC)
    days = ["--from", f"{now - timedelta(days=1):%Y-%m-%d}", "--to", f"{now:%Y-%m-%d}"]
    command = [sys.executable, "-m", "cli", "replay", "--site", HOST, *days]
    with log.open("ab") as out:
        return subprocess.Popen(command, env=stack.env, stdout=out, stderr=out)


def replayed(stack: Production) -> int:
    client = stack.client()
    try:
        return int(client.execute("SELECT count() FROM events WHERE replay > 0")[0][0])
    finally:
        client.disconnect()


def test_a_replay_that_is_killed_beside_live_traffic_changes_nothing(tmp_path: Path, servers: Servers) -> None:
    seed, log = random.randrange(2**31), tmp_path / "replay.log"
    with Production(tmp_path / "data", servers, seed) as stack:
        load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed, pause_s=0.02)
        load.start()
        wait_for("the archive to fill", lambda: archived(stack) > ARCHIVED, 120)
        for part in KILLED:
            before, process = replayed(stack), replay(stack, log)
            wait_for("rows of the replay", lambda n=before: replayed(stack) > n, 60)  # type: ignore[misc]
            stack.kill(part)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
        last = replay(stack, log)
        assert last.wait(300) == 0, log.read_text()[-3000:]
        sent = load.stop()
        assert settle(stack, sent.told, table="events FINAL") == [], f"seed {seed}"
        assert replayed(stack) > ARCHIVED
