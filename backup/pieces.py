"""Lines in compressed pieces: how rows of any table lie in a backup.

A piece is small enough for an object, and for an insert of its own; memory is bounded by one piece.
"""

from __future__ import annotations

import hashlib

import zstandard

from backup.errors import Damaged
from backup.manifest import Piece
from backup.target import Target
from objects.protocol import ObjectMissing

PIECE_BYTES = 16 * 1024 * 1024  # of text; a piece ends with the line that reaches it
MAX_LINE_BYTES = 48 * 1024 * 1024
LEVEL = 3


class PieceWriter:
    """Cuts text into pieces at the ends of lines. `close` writes the rest."""

    def __init__(self, target: Target, prefix: str, suffix: str, tabs: int = 0) -> None:
        """Pieces get the keys `{prefix}00001{suffix}` and so on. `tabs`: how many each line must have."""
        self._target = target
        self._prefix, self._suffix = prefix, suffix
        self._tabs = tabs
        self._parts: list[bytes] = []
        self._size = 0
        self.pieces: list[Piece] = []

    def add(self, text: bytes) -> None:
        """Any cut of the text."""
        self._parts.append(text)
        self._size += len(text)
        if self._size >= PIECE_BYTES:
            whole = b"".join(self._parts)
            end = whole.rfind(b"\n") + 1
            if end:
                self._write(whole[:end])
            elif self._size > MAX_LINE_BYTES:
                raise Damaged(f"{self._prefix}: a row of more than {MAX_LINE_BYTES} bytes")
            self._parts, self._size = [whole[end:]], len(whole) - end

    def close(self) -> list[Piece]:
        """Write what is left; the pieces."""
        rest = b"".join(self._parts)
        if rest:
            self._write(rest)
        self._parts, self._size = [], 0
        return self.pieces

    def _write(self, text: bytes) -> None:
        rows = check_lines(text, self._tabs, self._prefix)
        data = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(text)
        key = f"{self._prefix}{len(self.pieces) + 1:05d}{self._suffix}"
        self._target.put(key, data)
        self.pieces.append(Piece(key=key, rows=rows, bytes=len(data), sha256=_digest(data)))


def check_lines(text: bytes, tabs: int, what: str) -> int:
    """The number of lines; `Damaged` if the text is cut off, or is no table of so many columns: a server
    that fails half-way writes its error where rows were to be."""
    rows = text.count(b"\n")
    if not text.endswith(b"\n") or (tabs and text.count(b"\t") != rows * tabs):
        raise Damaged(f"{what}: the answer broke off: {text[-300:].decode(errors='replace').strip()}")
    return rows


def read_piece(source: Target, piece: Piece, tabs: int = 0) -> bytes:
    """The text. Raises `Damaged` where it is missing or is not what was written."""
    try:
        data = source.get(piece.key)
    except ObjectMissing:
        raise Damaged(f"{source}: {piece.key} is missing: take another backup") from None
    if len(data) != piece.bytes or _digest(data) != piece.sha256:
        raise Damaged(f"{source}: {piece.key} was changed or damaged: take another backup")
    text = zstandard.ZstdDecompressor().decompress(data)
    if check_lines(text, tabs, piece.key) != piece.rows:
        raise Damaged(f"{source}: {piece.key} has not the {piece.rows} rows it should have")
    return text


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
