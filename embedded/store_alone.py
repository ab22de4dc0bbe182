"""The embedded store for as long as a command needs it, without gateway, flow and jobs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from embedded.lock import DataDirLock, end_leftovers
from embedded.paths import environment, log_file, make_dirs, status_file
from embedded.probe import StoreError, query_store
from embedded.stack import check_ports, parts
from footfall.settings import Settings

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.05


@contextmanager
def store_alone(settings: Settings) -> Iterator[None]:
    """Holds the data directory, so that no `footfall up` begins meanwhile; `settings` are resolved.

    Starts nothing where the store is a server. Raises `AlreadyRunningError` where Footfall runs there,
    `StoreError` where the store does not start.
    """
    make_dirs(settings.data_dir)
    lock = DataDirLock(settings.data_dir)
    lock.acquire()
    try:
        end_leftovers(settings.data_dir)
        if not settings.has_own_store:
            yield
            return
        check_ports(settings, "FOOTFALL_CLICKHOUSE")
        with _process(settings):
            yield
    finally:
        lock.release()


@contextmanager
def _process(settings: Settings) -> Iterator[None]:
    argv = next(part.argv for part in parts(settings) if part.name == "store")
    log = log_file(settings.data_dir, "store")
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the command, which then stops the store
        )
    # Should this process be killed, whoever comes next finds the store by this and ends it.
    _note(settings, process.pid)
    try:
        _wait(settings, process)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        _note(settings, 0)


def _note(settings: Settings, pid: int) -> None:
    """As the supervisor does, which does not run."""
    part = {"pid": pid, "up_since": time.time()}
    status_file(settings.data_dir).write_text(
        json.dumps({"pid": os.getpid(), "state": "stopped", "parts": {"store": part}})
    )


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            query_store(settings, "SELECT 1", timeout_s=1.0)
        except StoreError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                log = log_file(settings.data_dir, "store")
                raise StoreError(f"the store did not start ({error}): see {log}") from error
            time.sleep(POLL_S)  # between two looks
        else:
            return
