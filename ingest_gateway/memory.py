"""What has been worked out about browsers, so that it is worked out once: a visitor sends
the same headers with every batch.

Belongs to one view of the control plane and is forgotten whole with it (so at the latest
when the salts change): full addresses stay in it no longer than that.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from ingest_gateway.directory import View

MAX_KNOWN = 8192
MAX_KEY_CHARS = 4096
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Bounded; a full one starts anew."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.known: dict[K, V] = {}

    def keep(self, key: K, value: V, size: int) -> None:
        """Remember, unless the key (`size` characters) is out of all proportion."""
        if size > MAX_KEY_CHARS:
            return
        if len(self.known) >= MAX_KNOWN:
            self.known.clear()
        self.known[key] = value
