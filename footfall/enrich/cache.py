"""A bounded memo: what makes enrichment cheap, since people visit the same pages."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from typing import Protocol, TypeVar


class Key(Hashable, Sized, Protocol):
    """What a memo is kept by: a text or a tuple."""


K = TypeVar("K", bound=Key)
V = TypeVar("V")

LONGEST = 512


class Cache(dict[K, V]):
    """`cache[key]` is `make(key)`, remembered for at most `limit` keys of up to 512 characters.

    A hit is a plain dict look-up. When full, the young keys become the old ones and a
    key asked for again is carried over, so that a flood of one-time keys (random agents,
    unique URLs) costs time but neither memory nor the popular entries.
    """

    def __init__(self, make: Callable[[K], V], limit: int) -> None:
        super().__init__()
        if limit < 2:
            raise ValueError("a cache needs room for at least 2 keys")
        self._make = make
        self._half = limit // 2
        self._old: dict[K, V] = {}

    def __missing__(self, key: K) -> V:
        if len(key) > LONGEST:
            return self._make(key)
        old = self._old
        value = old.pop(key) if key in old else self._make(key)
        if len(self) >= self._half:
            self._old = dict(self)
            self.clear()
        self[key] = value
        return value

    def held(self) -> int:
        """How many keys are remembered now."""
        return len(self) + len(self._old)
