"""A partition's state on its way from one worker's directory to another: objects in the stage's store.

    flow/KEY/BUNDLE/manifest, 0000, 0001 ...

The control plane names the bundle together with the manifest's SHA-256, and the manifest those of
all its pieces: what was changed on the way, or is of another bundle, is not taken. That matters
beyond damage, since Bytewax's snapshots are pickles.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from pathlib import Path

import msgspec
from msgspec import Struct

from flows.home import Home, sync_directory
from objects.protocol import ObjectMissing, ObjectStore

VERSION = 1
PIECE_BYTES = 32 * 1024 * 1024
_HOLDER = re.compile(r"bundle:([0-9a-f]{32}):([0-9a-f]{64})")
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")


class BundleLost(RuntimeError):
    """The state of a partition is not (or not wholly) where it was put."""


class _File(Struct, frozen=True):
    folder: str  # "sessions"
    name: str
    pieces: list[str]  # their SHA-256, in order


class _Manifest(Struct, frozen=True, kw_only=True):
    version: int
    partition: str
    snapshots: str  # SHA-256 of the piece
    files: list[_File]


def is_bundle(holder: str) -> bool:
    """Whether a holder in the control plane is a bundle."""
    return _HOLDER.fullmatch(holder) is not None


def pack(home: Home, key: str, objects: ObjectStore) -> str:
    """Copy a partition's state to the object store; the bundle's name as a holder. Durable when it returns."""
    writer = _Writer(objects, f"flow/{key}/{uuid.uuid4().hex}")
    snapshots = writer.put(msgspec.msgpack.encode(home.store.snapshots(key)))
    files = [
        _File(folder.parent.name, path.name, writer.put_file(path))
        for folder in home.state_dirs(key)
        for path in sorted(folder.iterdir())
    ]
    manifest = msgspec.json.encode(_Manifest(version=VERSION, partition=key, snapshots=snapshots, files=files))
    objects.put(f"{writer.prefix}/manifest", manifest)
    return f"bundle:{writer.prefix.rpartition('/')[2]}:{hashlib.sha256(manifest).hexdigest()}"


def unpack(home: Home, key: str, objects: ObjectStore, holder: str) -> None:
    """Put a bundle's state in place of what the directory has of the partition. Durable when it returns.

    Raises `BundleLost`.
    """
    reader = _Reader(objects, key, holder)
    home.forget([key])
    for file in reader.manifest.files:
        if not (_SAFE.fullmatch(file.folder) and _SAFE.fullmatch(file.name)):
            raise BundleLost(f"{reader.prefix} names a file {file.folder}/{file.name}")
        folder = home.path / file.folder / key
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / file.name).open("wb") as target:
            for digest in file.pieces:
                target.write(reader.next_piece(digest))
            target.flush()
            os.fsync(target.fileno())
        for each in (folder, folder.parent, home.path):
            sync_directory(each)
    home.store.make()
    home.store.put(key, reader.snapshots)


def discard(objects: ObjectStore, key: str, holder: str) -> None:
    """Delete a bundle that nobody holds any more, its manifest last."""
    found = _HOLDER.fullmatch(holder)
    if found is not None:
        prefix = f"flow/{key}/{found[1]}/"
        for listed in sorted(objects.listing(prefix)):
            objects.delete(listed.key)


class _Writer:
    def __init__(self, objects: ObjectStore, prefix: str) -> None:
        self.prefix = prefix
        self._objects = objects
        self._pieces = 0

    def put(self, data: bytes) -> str:
        self._objects.put(f"{self.prefix}/{self._pieces:04d}", data)
        self._pieces += 1
        return hashlib.sha256(data).hexdigest()

    def put_file(self, path: Path) -> list[str]:
        with path.open("rb") as file:
            return [self.put(data) for data in iter(lambda: file.read(PIECE_BYTES), b"")]


class _Reader:
    """Pieces are read in the order in which they were written."""

    def __init__(self, objects: ObjectStore, key: str, holder: str) -> None:
        found = _HOLDER.fullmatch(holder)
        assert found is not None
        self.prefix = f"flow/{key}/{found[1]}"
        self._objects = objects
        self._pieces = 0
        try:
            self.manifest = msgspec.json.decode(self._get("manifest", found[2]), type=_Manifest)
        except msgspec.DecodeError as error:
            raise BundleLost(f"{self.prefix}/manifest: {error}") from error
        if self.manifest.version != VERSION or self.manifest.partition != key:
            raise BundleLost(
                f"{self.prefix} is of version {self.manifest.version} and of {self.manifest.partition}; this "
                f"program reads version {VERSION}: use the version of Footfall that wrote it"
            )
        self.snapshots = msgspec.msgpack.decode(
            self.next_piece(self.manifest.snapshots), type=list[tuple[str, bytes]]
        )

    def next_piece(self, digest: str) -> bytes:
        data = self._get(f"{self._pieces:04d}", digest)
        self._pieces += 1
        return data

    def _get(self, name: str, digest: str) -> bytes:
        try:
            data = self._objects.get(f"{self.prefix}/{name}")
        except ObjectMissing as error:
            raise BundleLost(str(error)) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise BundleLost(f"object {self.prefix}/{name} is not what was put there")
        return data
