"""A worker's directory: everything its partitions' flows go on from, for one process at a time.

flow/ (worker 0), flow-1/, flow-2/ ...
    id                  names this directory in the control plane, wherever it is moved
    part-0.sqlite3      Bytewax's recovery store
    sessions/KEY/       state files of a partition; other flows' beside them
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from flows.recovery_store import RecoveryStore

_NAME = re.compile(r"flow(-[1-9][0-9]*)?")
LOCK_WAIT_S = 5.0  # for a predecessor that is ending


class HomeTaken(RuntimeError):
    """Another process works in the directory."""


def home_path(data_dir: Path, worker: int) -> Path:
    """The directory of a worker, however many there are."""
    return data_dir / ("flow" if worker == 0 else f"flow-{worker}")


def homes_in(data_dir: Path) -> list[Path]:
    """All workers' directories in a data directory."""
    if not data_dir.is_dir():
        return []
    return sorted(path for path in data_dir.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())


class Home:
    """Open in one process at a time: from `__init__` to `close`, or to the end of the process (flock)."""

    def __init__(self, path: Path, wait_s: float = LOCK_WAIT_S) -> None:
        """Makes the directory. Raises `HomeTaken`."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = _lock(path, wait_s)
        self.id = _identity(path / "id")
        self.store = RecoveryStore(path)

    @property
    def holder(self) -> str:
        """This directory as the control plane knows it."""
        return f"dir:{self.id}"

    @property
    def place(self) -> str:
        """The same for people."""
        return f"{self.path.absolute()} on {socket.gethostname()}"

    def keys(self) -> set[str]:
        """The partitions it has state of."""
        return self.store.keys()

    def state_dirs(self, key: str) -> list[Path]:
        """Directories with a partition's state files."""
        return sorted(path for path in self.path.glob(f"*/{key}") if path.is_dir())

    def forget(self, keys: Iterable[str]) -> None:
        """Delete the state of these partitions, files last: without snapshots nobody looks at them."""
        gone = list(keys)
        if gone:
            self.store.remove(gone)
        for key in gone:
            for path in self.state_dirs(key):
                shutil.rmtree(path)

    def close(self) -> None:
        """Let others in."""
        os.close(self._lock)


def identity_of(path: Path) -> str:
    """The id of a directory that may be in use; empty where it has none."""
    try:
        return (path / "id").read_text().strip()
    except FileNotFoundError:
        return ""


def _lock(path: Path, wait_s: float) -> int:
    deadline = time.monotonic() + wait_s
    handle = os.open(path / "flow.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > deadline:
                holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "unknown"
                os.close(handle)
                raise HomeTaken(
                    f"process {holder} works in {path}. Let it end first; one that hangs: kill -9 {holder}"
                ) from None
            time.sleep(0.05)  # between two looks
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle


def _identity(path: Path) -> str:
    """Read it, or make it so that it is there whole or not at all."""
    known = identity_of(path.parent)
    if known:
        return known
    made = uuid.uuid4().hex
    new = path.with_suffix(".new")
    with new.open("w") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)
    return made


def sync_directory(path: Path) -> None:
    """Names that were made or replaced in it survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
