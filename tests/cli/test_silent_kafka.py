"""What the commands say of a broker that takes connections and answers nothing, and how soon."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import control

LIMIT_S = 20.0  # half of it on an idle machine


@pytest.fixture
def silent() -> Iterator[int]:
    """A port whose connections the kernel takes, and nobody reads from."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def said(data_dir: Path, silent: int, command: str) -> tuple[int, str, float]:
    """Exit code, everything it says, seconds."""
    data_dir.mkdir()
    control.open(f"sqlite:///{data_dir / 'control.db'}").close()
    env = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
    env |= {"FOOTFALL_DATA_DIR": str(data_dir), "FOOTFALL_KAFKA_BOOTSTRAP": f"127.0.0.1:{silent}"}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli", command],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, time.monotonic() - started


def test_the_commands_end_in_time_and_say_that_kafka_does_not_answer(tmp_path: Path, silent: int) -> None:
    commands = ("status", "doctor", "migrate")
    with ThreadPoolExecutor(len(commands)) as pool:
        answers = dict(
            zip(commands, pool.map(lambda one: said(tmp_path / one, silent, one), commands), strict=True)
        )
    for command, (code, text, seconds) in answers.items():
        assert code == 1, text
        assert "Kafka does not answer" in text, command
        assert "check FOOTFALL_KAFKA_BOOTSTRAP" in text
        assert "Traceback" not in text
        assert seconds < LIMIT_S, command
    # One silent server does not hide what is found elsewhere.
    assert "ok   disk" in answers["doctor"][1]
    assert "ok   clock" in answers["doctor"][1]
