"""Path patterns: `*` is anything within a path segment, `**` is anything."""

from __future__ import annotations

import re
from collections.abc import Callable

from footfall.enrich.cache import Cache

REMEMBERED_PATHS = 2000


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A test of a path; it is true only where the whole path fits."""
    if "*" not in pattern:
        return pattern.__eq__
    prefix = pattern.removesuffix("**")
    if prefix != pattern and "*" not in prefix:
        return lambda path: path.startswith(prefix)
    pieces = [piece for piece in re.split(r"(\*+)", pattern) if piece]
    remembered: Cache[str, bool] = Cache(lambda path: _matches(pieces, path), REMEMBERED_PATHS)
    return remembered.__getitem__


def _matches(pieces: list[str], path: str) -> bool:
    """All places each piece can end at, at once: no backtracking, whatever the path."""
    ends = {0}
    for piece in pieces:
        if piece == "*":
            ends = _within_segments(ends, path)
        elif piece.startswith("**"):
            ends = set(range(min(ends), len(path) + 1))
        else:
            ends = {place + len(piece) for place in ends if path.startswith(piece, place)}
        if not ends:
            return False
    return len(path) in ends


def _within_segments(starts: set[int], path: str) -> set[int]:
    ends = set()
    inside = False
    for place in range(len(path) + 1):
        inside = inside or place in starts
        if inside:
            ends.add(place)
        if path[place : place + 1] == "/":
            inside = False
    return ends
