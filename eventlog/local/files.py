"""Names, order and durability of the files in a log directory.

`00000001.seg` and so on are SQLite files; the highest number is the active segment. They
are never opened here: closing any descriptor of a file drops all of this process's POSIX
locks on it, SQLite's included.
"""

from __future__ import annotations

import fcntl
import os
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".seg"
SIDE_FILES = ("-wal", "-shm", "-journal")
LOCK_S = 10.0


def segment_path(directory: Path, number: int) -> Path:
    """Where segment `number` is."""
    return directory / f"{number:08d}{SUFFIX}"


def segment_numbers(directory: Path) -> list[int]:
    """The segments there are, oldest first."""
    names = (name.removesuffix(SUFFIX) for name in os.listdir(directory) if name.endswith(SUFFIX))
    return sorted(int(name) for name in names if name.isdecimal())


def newest_segment(directory: Path) -> int:
    """The active segment; `FileNotFoundError` if somebody has emptied the directory."""
    numbers = segment_numbers(directory)
    if not numbers:
        raise FileNotFoundError(f"{directory} holds no segment any more: restore it or restart the program")
    return numbers[-1]


def side_path(path: Path, suffix: str) -> Path:
    """`x.seg` -> `x.seg-wal`."""
    return path.with_name(path.name + suffix)


def size_on_disk(path: Path) -> int:
    """Bytes of a segment and its WAL; 0 for what is gone."""
    size = 0
    for name in (path, side_path(path, "-wal")):
        try:
            size += os.stat(name).st_size
        except FileNotFoundError:
            continue
    return size


def free_bytes(directory: Path) -> int:
    """What an unprivileged program may still write there."""
    state = os.statvfs(directory)
    return state.f_bavail * state.f_frsize


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable; a file's own fsync does not do that."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(directory: Path) -> None:
    """Make the directory and its parents, durably, for this user only."""
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
        sync_directory(path.parent)


def identity(directory: Path) -> str:
    """Names this log and no other, however often it is opened; made by who asks first. Empty where
    there is none."""
    if not directory.exists() or not segment_numbers(directory):
        return ""
    with directory_lock(directory):
        return _identity(directory)


def _identity(directory: Path) -> str:
    path = directory / "identity"
    try:
        known = path.read_text().strip()
    except FileNotFoundError:
        known = ""
    if known:
        return known
    made = f"local:{secrets.token_hex(16)}"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, made.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_directory(directory)
    return made


def unlink_segment(path: Path) -> None:
    """Remove a segment, its SQLite files after it; ones already gone are fine."""
    path.unlink(missing_ok=True)
    for suffix in SIDE_FILES:
        side_path(path, suffix).unlink(missing_ok=True)


@contextmanager
def directory_lock(directory: Path, timeout_s: float = LOCK_S) -> Iterator[None]:
    """One process at a time makes or removes segments; `TimeoutError` if it takes too long."""
    handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _wait_for_lock(handle, directory, time.monotonic() + timeout_s)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, directory: Path, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process holds {directory / 'lock'}: is it stuck?") from error
            time.sleep(random.uniform(0.001, 0.005))
