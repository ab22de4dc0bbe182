"""An event log that keeps nothing: it hands on what is appended, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from eventlog.protocol import OnDone
from footfall import record
from footfall.record import Record


class HandingOn:
    """An `eventlog.protocol.Appender` and the log it writes to. `taken` gets each batch's record before
    its sender is answered; heartbeats go nowhere."""

    partitions = 1
    gathers = False  # there is no commit to wait for

    def __init__(self, taken: Callable[[Record], None]) -> None:
        self._taken = taken
        self._on_done: OnDone = lambda _tokens, _error: None

    def appender(self, on_done: OnDone | None = None) -> HandingOn:
        """Itself: there is one writer."""
        if on_done is not None:
            self._on_done = on_done
        return self

    def append(self, records: Sequence[tuple[int, bytes]]) -> Future[None]:
        """Done as it returns."""
        self._hand_on(records)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def submit(self, records: Sequence[tuple[int, bytes]], token: Any) -> None:
        """Done as it returns."""
        self._hand_on(records)
        self._on_done([token], None)

    def close(self, timeout_s: float) -> None:
        """Nothing waits."""

    def _hand_on(self, records: Sequence[tuple[int, bytes]]) -> None:
        for _, value in records:
            found = record.decode(value)
            if found.kind == "batch":
                self._taken(found)
