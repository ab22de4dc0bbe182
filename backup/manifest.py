"""What a backup says of itself: written last, so that a backup without a manifest is none.

Fields are only ever added, with defaults; what older programs cannot read gets a new FORMAT.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

import footfall
from backup.errors import BackupError, Damaged
from backup.target import Target
from objects.protocol import ObjectMissing

FORMAT = 1
MANIFEST, BEGUN = "manifest.json", "begun.json"


class Piece(Struct, kw_only=True):
    """One object with rows of one table (and of one partition of it)."""

    key: str
    rows: int
    bytes: int  # as stored
    sha256: str  # of the stored bytes


class Rows(Struct, kw_only=True):
    """One table."""

    columns: list[str]
    pieces: list[Piece] = []

    @property
    def rows(self) -> int:
        """In all pieces."""
        return sum(piece.rows for piece in self.pieces)


class Reached(Struct, kw_only=True):
    """Up to where a log partition is stored in the backup, at least. Read before any table."""

    partition: int
    offset: int  # next offset: all below it is in the backup
    log_time: int  # ms; of what is below


class LogTopic(Struct, kw_only=True):
    """A served generation of the log that positions are of."""

    number: int
    first: int  # number of its first partition
    partitions: int
    identity: str  # empty: there was none


class StageStore(Struct, kw_only=True):
    """The database of a stage, and the log its positions are of."""

    migrations: int  # number of the last one applied
    log: list[LogTopic]
    reached: list[Reached]
    tables: dict[str, Rows]
    objects: int = 0  # copied into the backup
    object_bytes: int = 0


class ControlPlane(Struct, kw_only=True):
    """Its tables, but for what lives shortly: see control/copying.py."""

    schema: int
    tables: dict[str, int]  # rows
    pieces: list[Piece]


class Manifest(Struct, kw_only=True):
    """The whole backup."""

    format: int = FORMAT
    footfall: str = footfall.__version__
    stage: str
    begun_at: int  # ms
    finished_at: int = 0  # ms
    control: ControlPlane
    stages: dict[str, StageStore] = {}

    @property
    def rows(self) -> int:
        """Of the store."""
        return sum(table.rows for store in self.stages.values() for table in store.tables.values())

    @property
    def bytes(self) -> int:
        """As stored, the copied objects apart."""
        pieces = [piece for s in self.stages.values() for table in s.tables.values() for piece in table.pieces]
        return sum(piece.bytes for piece in (*pieces, *self.control.pieces))


class _Head(Struct):
    format: int = 0
    footfall: str = "?"


def write_manifest(target: Target, manifest: Manifest) -> None:
    """Make it a backup."""
    target.put(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def read_manifest(source: Target) -> Manifest:
    """Raises `BackupError` where there is none, or it is of a format this program does not know."""
    try:
        data = source.get(MANIFEST)
    except ObjectMissing:
        raise BackupError(_no_manifest(source)) from None
    try:
        head = msgspec.json.decode(data, type=_Head)
        if head.format > FORMAT:
            raise BackupError(
                f"{source} is a backup of format {head.format}, made by Footfall {head.footfall}; this one reads "
                f"up to {FORMAT}: upgrade Footfall"
            )
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Damaged(f"{source}: {MANIFEST} cannot be read ({error}): take another backup") from None


def _no_manifest(source: Target) -> str:
    if source.size(BEGUN) is not None:
        return f"{source} is a backup that was not finished: take another, or run `footfall backup` for it again"
    return f"there is no backup in {source}"
