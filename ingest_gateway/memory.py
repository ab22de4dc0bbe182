"""What has been worked out about browsers, so that it is worked out once: a visitor sends
the same headers with every batch.

Belongs to one view of the control plane and is forgotten whole with it (so at the latest
when the salts change): full addresses stay in it no longer than that.
"""

from __future__ import annotations

from typing import NamedTuple

from ingest_gateway.answers import Headers
from ingest_gateway.caller import Caller
from ingest_gateway.client import Client
from ingest_gateway.directory import View

MAX_KNOWN = 8192
MAX_KEY_CHARS = 4096
Key = tuple[object, ...]


class Known(NamedTuple):
    """A browser that was admitted."""

    caller: Caller
    client: Client
    memo: dict[int, tuple[int, int, int]]  # see records.Sender


class Memory:
    """Bounded; a full one starts anew."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.known: dict[Key, Known] = {}
        self.cors: dict[str, Headers] = {}

    def keep(self, key: Key, known: Known, size: int) -> None:
        """Remember, unless the headers (`size` characters) are out of all proportion."""
        if size > MAX_KEY_CHARS:
            return
        if len(self.known) >= MAX_KNOWN:
            self.known.clear()
        self.known[key] = known

    def keep_cors(self, origin: str, headers: Headers) -> None:
        """Remember what an origin is answered."""
        if len(self.cors) >= MAX_KNOWN:
            self.cors.clear()
        if len(origin) <= MAX_KEY_CHARS:
            self.cors[origin] = headers
