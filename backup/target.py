"""Where a backup is: a directory, or a name in the object store (`objects:NAME`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from backup.errors import BackupError
from footfall.settings import Settings
from objects.directory import DirectoryStore
from objects.opening import open_objects
from objects.protocol import MAX_OBJECT_BYTES, Listed, ObjectStore

IN_OBJECTS = "objects:"
PREFIX = "backups/"  # of all backups in the object store
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]{0,99}")


class Target:
    """The objects of one backup; keys are below its own place. Files are of mode 0600."""

    def __init__(self, store: ObjectStore, prefix: str, name: str, elsewhere: bool) -> None:
        """`elsewhere`: not in the object store of the installation, so that the installation's
        objects have to be copied."""
        self._store = store
        self._prefix = prefix
        self._name = name
        self.elsewhere = elsewhere

    def __str__(self) -> str:
        return self._name

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore`."""
        self._store.put(self._prefix + key, data)

    def get(self, key: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """See `ObjectStore`."""
        return self._store.get(self._prefix + key, max_bytes)

    def size(self, key: str) -> int | None:
        """See `ObjectStore`."""
        return self._store.size(self._prefix + key)

    def listing(self, prefix: str = "") -> Iterator[Listed]:
        """See `ObjectStore`."""
        for found in self._store.listing(self._prefix + prefix):
            yield Listed(found.key.removeprefix(self._prefix), found.size)

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        self._store.delete(self._prefix + key)


def open_target(settings: Settings, text: str) -> Target:
    """The place a person names. Nothing is made yet."""
    if text.startswith(IN_OBJECTS):
        name = text.removeprefix(IN_OBJECTS)
        if not _NAME.fullmatch(name):
            raise BackupError(f"{text!r} names no backup: give objects:NAME, of letters, digits, '.', '_' and '-'")
        store = open_objects(settings, settings.stage)
        return Target(store, f"{PREFIX}{name}/", text, elsewhere=False)
    path = Path(text)
    if path.exists() and not path.is_dir():
        raise BackupError(f"{path} is a file: give a directory, or objects:NAME")
    return Target(DirectoryStore(path, settings.stage), "", text, elsewhere=True)
