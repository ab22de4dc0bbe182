"""The table of running queries: who runs what, and how to end it."""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .errors import CANCELLED, QUERY_ID_IN_USE, TIMEOUT_EXCEEDED, FatalError, StoreError

_ASK_AGAIN = 0.1  # seconds


def _nothing() -> None:
    pass


@dataclass(eq=False)
class RunningQuery:
    """One query in flight, known to the engine by `tag`.

    `stop` interrupts it from another thread; it may be called often and must not block long.
    """

    query_id: str
    user: str
    sql: str
    stop: Callable[[], None] = _nothing
    tag: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: float = field(default_factory=time.monotonic)
    sock: socket.socket | None = None  # set while only the engine works: a client that leaves ends the query
    by_client: bool = False
    cancelled: bool = False
    committing: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def commit(self) -> None:
        """From here on the query is an INSERT that will be wholly in; raises if it was cancelled before."""
        with self._lock:
            self.check()
            self.committing = True

    def check(self) -> None:
        """Raise if the query was cancelled."""
        if self.cancelled:
            raise StoreError(CANCELLED, "Query was cancelled.")

    def check_fatal(self) -> None:
        """Raise a FatalError if the query was cancelled: its data may have been cut anywhere."""
        if self.cancelled:
            raise FatalError(CANCELLED, "Query was cancelled.")

    def cancel(self) -> None:
        """End the query unless it is an INSERT that is being written: that one finishes."""
        with self._lock:
            if self.committing:
                return
            self.cancelled = True
        self.stop()


class RunningQueries:
    """All queries in flight, thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queries: dict[str, RunningQuery] = {}

    @contextmanager
    def entered(self, query: RunningQuery) -> Iterator[None]:
        """The query is in the table while the block runs. Raises StoreError if its id is taken."""
        self._add(query)
        try:
            yield
        finally:
            self._remove(query)

    def _add(self, query: RunningQuery) -> None:
        with self._lock:
            if query.query_id in self._queries:
                raise StoreError(QUERY_ID_IN_USE, f"Query with id = {query.query_id} is already running.")
            self._queries[query.query_id] = query

    def _remove(self, query: RunningQuery) -> None:
        with self._lock:
            self._queries.pop(query.query_id, None)
        query.done.set()

    def all(self) -> list[RunningQuery]:
        """A copy of the table, oldest first."""
        with self._lock:
            return list(self._queries.values())

    def kill(self, match: Callable[[RunningQuery], bool], timeout: float) -> list[RunningQuery]:
        """Cancel what matches and wait until each has ended; returns them.

        An INSERT that is still receiving ends with nothing inserted, one being written ends wholly written.
        Raises StoreError (TIMEOUT_EXCEEDED) if one has not ended within `timeout` seconds.
        """
        victims = [query for query in self.all() if match(query)]
        deadline = time.monotonic() + timeout
        for query in victims:
            query.cancel()
        for query in victims:
            # Asked again and again: a stop may come a moment before the engine knows the query.
            while not query.done.wait(_ASK_AGAIN):
                query.cancel()
                if time.monotonic() > deadline:
                    text = f"Query {query.query_id} has not ended within {timeout:g} seconds."
                    raise StoreError(TIMEOUT_EXCEEDED, text)
        return victims
