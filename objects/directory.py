"""The object store as files below a directory: what Footfall uses unless told otherwise.

A key is the file's path below the root, the stage's own directory. A listing holds the names of
one folder at a time. Nothing is made before the first `put`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from objects import files
from objects.keys import check_key, check_prefix, check_size, is_key, is_prefix, stage_prefix
from objects.protocol import (
    MAX_OBJECT_BYTES,
    KeyConflict,
    Listed,
    ObjectMissing,
    ObjectStoreFull,
    ObjectStoreUnreachable,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class DirectoryStore:
    """The objects of one stage, below `directory/stage`."""

    def __init__(self, directory: Path, stage: str) -> None:
        """Removes what killed writers left."""
        self._stage = stage
        self.root = directory.absolute() / stage_prefix(stage)
        with self._told("", 0):
            files.sweep(self.root)

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore`."""
        path = self._path(key)
        check_size(key, len(data))
        with self._told(key, len(data)):
            try:
                with files.written(self.root, data) as source:
                    files.move(self.root, source, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    files.prune(self.root, path.parent)
                raise

    def get(self, key: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """See `ObjectStore`."""
        path = self._path(key)
        with self._told(key, 0), contextlib.suppress(*_NO_FILE):
            # A pipe somebody put there is not waited for, and is no object.
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                found = os.fstat(handle)
                if stat.S_ISREG(found.st_mode):
                    check_size(key, found.st_size, max_bytes)
                    with open(handle, "rb", closefd=False) as file:
                        return file.read()
            finally:
                os.close(handle)
        raise ObjectMissing(f"there is no object {key} in {self.root}")

    def size(self, key: str) -> int | None:
        """See `ObjectStore`."""
        path = self._path(key)
        with self._told(key, 0):
            try:
                found = os.stat(path)
            except _NO_FILE:
                return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def listing(self, prefix: str = "", start_after: str = "") -> Iterator[Listed]:
        """See `ObjectStore`."""
        check_prefix(prefix, self._stage)
        check_prefix(start_after, self._stage)
        return self._walk("", prefix, start_after)

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        path = self._path(key)
        with self._told(key, 0):
            files.remove(self.root, path)

    def _path(self, key: str) -> Path:
        check_key(key, self._stage)
        return self.root / key

    def _walk(self, base: str, prefix: str, start_after: str) -> Iterator[Listed]:
        """Below a folder, whose key with a slash is `base`."""
        for key in self._names(base):
            if key.endswith("/"):
                if is_prefix(key, self._stage) and _may_hold(key, prefix, start_after):
                    yield from self._walk(key, prefix, start_after)
            elif key.startswith(prefix) and key > start_after and is_key(key, self._stage):
                size = self.size(key)
                if size is not None:
                    yield Listed(key, size)

    def _names(self, base: str) -> list[str]:
        """Keys and, with a slash, folders. So they sort as the keys do: `a-b` comes before `a/b`."""
        with self._told(base, 0), contextlib.suppress(*_NO_FILE), os.scandir(self.root / base) as entries:
            return sorted(f"{base}{entry.name}{'/' if _is_folder(entry) else ''}" for entry in entries)
        return []

    @contextmanager
    def _told(self, key: str, needed: int) -> Iterator[None]:
        """What the system says, in the words of a store."""
        try:
            yield
        except OSError as error:
            if isinstance(error, (FileExistsError, NotADirectoryError, IsADirectoryError)) and self.root.is_dir():
                raise KeyConflict(
                    f"{key} cannot be stored: one of its folders is an object, or it is itself a folder of objects"
                ) from error
            said = error.strerror or str(error)
            if error.errno in _FULL:
                raise ObjectStoreFull(
                    f"the object store in {self.root} cannot be written: {said}. {key} needs {needed} bytes, "
                    f"{_free_bytes(self.root)} are free. Nothing was stored; make room and try again",
                    needed,
                ) from error
            raise ObjectStoreUnreachable(
                f"the object store in {self.root} cannot be used: {said}. Look at the rights there and at the disk"
            ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)  # a link could lead round in circles


def _may_hold(folder: str, prefix: str, start_after: str) -> bool:
    """Whether keys that are asked for can be below a folder, given with its slash."""
    later = folder > start_after or start_after.startswith(folder)
    return later and (folder.startswith(prefix) or prefix.startswith(folder))


def _free_bytes(root: Path) -> int:
    there = next(path for path in (root, *root.parents) if path.exists())
    return shutil.disk_usage(there).free
