"""One supervisor per data directory, and an end to what a killed one left behind."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import IO

from embedded.paths import run_dir, status_file

KILL_TIMEOUT_S = 10.0


class AlreadyRunningError(Exception):
    """Another supervisor holds the data directory."""


class DataDirLock:
    """Held from `acquire` to `release`, or to the death of the process (flock)."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock; `AlreadyRunningError` names the process that has it."""
        file = (run_dir(self._data_dir) / "up.lock").open("a+")
        self._lock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def probe(self) -> None:
        """`AlreadyRunningError` if somebody has it. A shared lock: two who only look do
        not take each other for a supervisor."""
        try:
            file = (run_dir(self._data_dir) / "up.lock").open("r")
        except FileNotFoundError:
            return
        self._lock(file, fcntl.LOCK_SH)
        file.close()

    def _lock(self, file: IO[str], kind: int) -> None:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise AlreadyRunningError(
                f"Footfall already runs on {self._data_dir} (process {holder}). See `footfall status`; "
                f"stop it with `kill {holder}`, or set FOOTFALL_DATA_DIR for a second one."
            ) from None

    def release(self) -> None:
        """Give it back. The file stays: removing it would race with the next holder."""
        if self._file is not None:
            self._file.close()
            self._file = None


def end_leftovers(data_dir: Path) -> list[str]:
    """Kill what the last supervisor started and could not end; the parts' names.

    To be called with the lock held. Each part leads its own session, so its id finds its
    children too; a process is only touched if it began after that part did.
    """
    try:
        parts = json.loads(status_file(data_dir).read_text())["parts"]
        started = {
            int(part["pid"]): (name, float(part["up_since"])) for name, part in parts.items() if part["pid"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return []  # never ran, or died while the disk was full: nothing is known
    import psutil

    left = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError, PermissionError):
            session = os.getsid(process.pid)
            if session in started and process.create_time() >= started[session][1] - 2:
                process.send_signal(signal.SIGKILL)
                left.append((started[session][0], process))
    psutil.wait_procs([process for _, process in left], timeout=KILL_TIMEOUT_S)
    return sorted({name for name, _ in left})
