"""Files that are there whole or not at all, across kill -9 and a power cut.

What is being written lies in a folder of its own until it is complete. Its name cannot be a
segment of a key, and a lock on the file tells a writer at work from one that was killed: the
kernel lets go of it with the process. In a folder of its own, and not beside the object, so
that clearing up takes one look however large the store is.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WRITING = "~writing"
# How often a folder is made again because somebody deleted the last object in it just then.
TRIES = 20


@contextmanager
def written(root: Path, data: bytes) -> Iterator[Path]:
    """A durable file with these bytes, to be moved to its place inside the block; else it goes."""
    handle, path = _new_file(root)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):  # it was moved
            os.unlink(path)
        os.close(handle)  # and with it the lock


def _new_file(root: Path) -> tuple[int, Path]:
    """An empty file, locked. One that is swept up before it is locked is made again."""
    while True:
        make_folders(root, root / WRITING)
        path = root / WRITING / secrets.token_hex(12)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return handle, path
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def sweep(root: Path) -> None:
    """Remove what killed writers left."""
    try:
        left = [entry.path for entry in os.scandir(root / WRITING)]
    except FileNotFoundError:
        return
    for path in left:
        with contextlib.suppress(FileNotFoundError):
            _remove_abandoned(path)


def _remove_abandoned(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)
    except BlockingIOError:
        pass  # somebody is writing it
    finally:
        os.close(handle)


def move(root: Path, source: Path, path: Path) -> None:
    """Give a durable file its name, durably."""
    for left in reversed(range(TRIES)):
        make_folders(root, path.parent)
        try:
            os.rename(source, path)
            break
        except FileNotFoundError:
            if not left:
                raise
    sync_up_to(root, path.parent)


def remove(root: Path, path: Path) -> None:
    """Remove a file, durably, and the folders that are empty then; done as well without one."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        os.unlink(path)
    prune(root, path.parent)
    sync_up_to(root, path.parent)


def prune(root: Path, folder: Path) -> None:
    """Remove a folder and its parents below the root as long as they are empty."""
    while folder != root:
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError:
            return
        folder = folder.parent


def make_folders(root: Path, folder: Path) -> None:
    """Make the folder and its parents, for this user only.

    Those below the root become durable with what is put into them; the root does here.
    """
    missing = [path for path in (folder, *folder.parents) if not path.is_dir()]
    for path in reversed(missing):
        # NotADirectoryError and FileExistsError: an object has that name.
        with contextlib.suppress(FileNotFoundError):  # removed again just now: the caller tries again
            _make_folder(path)
            if not path.is_relative_to(root) or path == root:
                _sync_folder(path.parent)


def _make_folder(path: Path) -> None:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not path.is_dir():
            raise


def sync_up_to(root: Path, folder: Path) -> None:
    """Make the names in a folder and its parents durable, up to the root.

    All of them: who else made one of them may not have come to that yet.
    """
    while folder != root.parent:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            _sync_folder(folder)
        folder = folder.parent


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
