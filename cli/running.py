"""Is `footfall up` running on this data directory, and running it for a while."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from embedded.paths import environment, log_file, make_dirs, status_file
from footfall.settings import Settings

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 90.0


def read_status(settings: Settings) -> dict[str, Any] | None:
    """What the supervisor last said; None where it does not run."""
    try:
        status = json.loads(status_file(settings.data_dir).read_text())
        os.kill(int(status["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if status.get("state") == "stopped" or not _holds_lock(settings) else status


def _holds_lock(settings: Settings) -> bool:
    """Whether a supervisor lives: a number in a file may be another process's by now."""
    from embedded.lock import AlreadyRunningError, DataDirLock

    lock = DataDirLock(settings.data_dir)
    try:
        lock.probe()
    except AlreadyRunningError:
        return True
    return False


@contextlib.contextmanager
def started(settings: Settings, extra: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`footfall up` for the time of the block: ready at its beginning, gone after it."""
    make_dirs(settings.data_dir)
    log = log_file(settings.data_dir, "up")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--plain"],
            env={**os.environ, **environment(settings), **(extra or {}), "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_ready(settings, process, log)
        yield process
    finally:
        stop(process)


def _wait_ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while (status := read_status(settings)) is None or status["state"] != "ready" or status["pid"] != process.pid:
        if process.poll() is not None or time.monotonic() > deadline:
            raise click.ClickException(
                f"Footfall did not start:\n{log.read_text(errors='replace')[-3000:].strip()}"
            )
        time.sleep(0.05)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Drain it, and wait until everything has ended."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


@contextlib.contextmanager
def running_or_started(settings: Settings, start: bool) -> Iterator[None]:
    """Go on if Footfall runs; else start it for the block, where that is asked for."""
    if read_status(settings) is not None or not settings.has_own_store:
        yield
    elif start:
        with started(settings):
            yield
    else:
        raise click.ClickException(
            f"Footfall does not run on {settings.data_dir}. Start it with `footfall up` in another terminal, or "
            "add --start to run it for as long as this takes."
        )
