"""The raw archive's files: what they hold, how they are named. docs/archive.md is for their readers.

    raw/site=shop.example/date=2026-11-27/0003-00000000000000004711-00000000000000005000.msgpack.zst

An object holds records of one site, of one UTC day of log time, of one log partition: those of the
offsets in its name, every one that was archived. It is a sequence of zstd frames, each of which
unpacks to one msgpack value: first a header, then lists of entries, by offset. Two objects may
overlap (a flow that was killed cuts its files anew): a reader takes each offset once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple, TypeVar

import msgspec
import zstandard
from msgspec import Struct

T = TypeVar("T")
VERSION = 1
FORMAT = "footfall raw archive"
PREFIX = "raw/"
DAY_MS = 86_400_000
LEVEL = 3
# Of one frame, unpacked. A writer stays far below; a reader refuses what would unpack to more.
MAX_FRAME_BYTES = 64 * 1024 * 1024

_KEY = re.compile(r"raw/site=([^/]+)/date=(\d{4}-\d\d-\d\d)/(\d{4,5})-(\d{20})-(\d{20})\.msgpack\.zst")
_PLAIN = re.compile(r"[a-z0-9._-]{1,250}")


class Entry(Struct, array_like=True, gc=False):
    """One record and what was found out about it then. Fields are added at the end, never removed."""

    offset: int
    log_time: int  # ms
    record: bytes  # as it was in the log: footfall.record
    visitor_id: int  # the one its events were counted under
    country: str
    region: str
    city: str
    bot: str
    left_out: list[int]  # places of duplicates, and of what went into quarantine


class Header(Struct, omit_defaults=False):
    """What an object is, for whoever has only the file."""

    stage: str
    site_id: str
    date: str
    partition: int
    first: int  # offsets
    last: int
    records: int
    format: str = FORMAT
    version: int = VERSION


class Place(NamedTuple):
    """What an object's key says."""

    site: str  # as in the key
    date: str
    partition: int
    first: int
    last: int


class ArchiveDamaged(ValueError):
    """The bytes are no archive of a version this program knows, or not all of it."""


def site_prefix(site_id: str) -> str:
    """What the keys of a site's objects begin with; an id that cannot stand in a key is hashed."""
    text = (
        site_id
        if _PLAIN.fullmatch(site_id)
        else "=" + hashlib.blake2b(site_id.encode(), digest_size=16).hexdigest()
    )
    return f"{PREFIX}site={text}/"


def day_prefix(site_id: str, day: date) -> str:
    """What the keys of one day begin with."""
    return f"{site_prefix(site_id)}date={day.isoformat()}/"


def day_of(log_time: int) -> date:
    """The UTC day under which a record is kept; `log_time` is in ms."""
    return datetime.fromtimestamp(log_time // 1000, UTC).date()


def object_key(site_id: str, day: date, partition: int, first: int, last: int) -> str:
    """The key of an object with the records of these offsets."""
    return f"{day_prefix(site_id, day)}{partition:04d}-{first:020d}-{last:020d}.msgpack.zst"


def place_of(key: str) -> Place | None:
    """What the key says; None for an object that is none of the archive's."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    return Place(match[1], match[2], int(match[3]), int(match[4]), int(match[5]))


_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(list[Entry])
_header = msgspec.msgpack.Decoder(Header)


class Packer:
    """Makes frames. Not thread-safe."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)

    def entries(self, entries: Sequence[Entry]) -> bytes:
        """A frame of these entries."""
        return self._zstd.compress(_encoder.encode(entries))

    def header(self, header: Header) -> bytes:
        """A frame of the header: an object's first."""
        return self._zstd.compress(_encoder.encode(header))

    def joined(self, frames: Sequence[bytes]) -> bytes:
        """One frame in place of many small ones, which pack badly."""
        together = [entry for frame in frames for entry in unpack_entries(frame)]
        return self.entries(together)


def unpack_entries(frame: bytes) -> list[Entry]:
    """The entries of one frame. Raises `ArchiveDamaged`."""
    (data,) = _unpacked(frame)
    return _decoded(_entries, data)


def read_header(data: bytes) -> Header:
    """The header of an object. Raises `ArchiveDamaged`."""
    return _checked(next(_unpacked(data), b""))


def read_entries(data: bytes) -> Iterator[list[Entry]]:
    """The entries of an object, frame by frame. Raises `ArchiveDamaged`."""
    frames = _unpacked(data)
    header = _checked(next(frames, b""))
    count = 0
    for frame in frames:
        entries = _decoded(_entries, frame)
        count += len(entries)
        yield entries
    if count != header.records:
        raise ArchiveDamaged(f"it holds {count} records, its header says {header.records}")


def _checked(data: bytes) -> Header:
    header = _decoded(_header, data)
    if header.format != FORMAT or header.version != VERSION:
        raise ArchiveDamaged(
            f"it is {header.format[:40]!r} of version {header.version}, this program reads version {VERSION}: "
            "upgrade Footfall"
        )
    return header


def _decoded(decoder: msgspec.msgpack.Decoder[T], data: bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ArchiveDamaged(str(error)) from error


def _unpacked(data: bytes) -> Iterator[bytes]:
    """What each zstd frame unpacks to."""
    zstd = zstandard.ZstdDecompressor()
    while data:
        reader = zstd.decompressobj(read_across_frames=False)
        try:
            size = zstandard.frame_content_size(data)
            if not 0 <= size <= MAX_FRAME_BYTES:
                raise ArchiveDamaged(f"a frame says that it unpacks to {size} bytes")
            unpacked = reader.decompress(data)
        except zstandard.ZstdError as error:
            raise ArchiveDamaged(str(error)) from error
        if not reader.eof:
            raise ArchiveDamaged("its end is missing")
        yield unpacked
        data = reader.unused_data
