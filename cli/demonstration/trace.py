"""One event, followed from the request to its closed session."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable

from cli.demonstration.sender import Sender
from cli.importer.store import query_rows, quoted
from embedded.traffic import AGENTS, ORIGIN
from footfall.ids import uuid7
from footfall.names import database_name
from footfall.settings import Settings
from footfall.sites import Site

SITE_TIMEOUT_S = 10.0  # until the gateway knows of a new site
ROW_TIMEOUT_S = 20.0
POLL_S = 0.05


class Trace:
    """One event. `event_id` is empty until it is sent; ms and s are None until seen."""

    def __init__(self, settings: Settings, site: Site) -> None:
        self.event_id = ""
        self.row_after_ms: float | None = None
        self.session_id = ""
        self.closed_after_s: float | None = None
        self._settings = settings
        self._site = site
        self._sent = 0.0
        self._since_ms = 0
        self._visitor = ""
        self._events = f"{database_name(settings.stage)}.events_v1"
        self._sessions = f"{database_name(settings.stage)}.sessions_v1"

    def send(self, sender: Sender) -> None:
        """Send it and wait for the 202; `TimeoutError` if there is none."""
        self._since_ms = time.time_ns() // 1_000_000
        self.event_id = str(uuid.UUID(bytes=uuid7(self._since_ms, os.urandom(10))))
        event = {"name": "page_view", "event_id": self.event_id, "url": f"{ORIGIN}/hello", "title": "Hello"}
        headers = {
            "Content-Type": "application/json",
            "Origin": ORIGIN,
            "User-Agent": AGENTS[0][0].format(140),
            "Accept-Language": "en",
            "X-Forwarded-For": "100.64.0.7",
        }
        deadline = time.monotonic() + SITE_TIMEOUT_S
        while True:
            self._sent = time.monotonic()
            status, answer = sender.post(json.dumps({"events": [event]}).encode(), headers)
            if status == 202:
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"the gateway answered {status}: {answer.decode(errors='replace')[:200]}")
            time.sleep(POLL_S)

    def wait_row(self, tick: Callable[[], None]) -> None:
        """Until the event is a row; `TimeoutError` if that takes too long."""
        query = (
            f"SELECT toString(visitor_id) AS visitor FROM {self._events} "  # noqa: S608 - quoted
            f"WHERE site_id = {quoted(self._site.site_id)} AND event_id = toUUID({quoted(self.event_id)}) "
            "FORMAT JSONEachRow"
        )
        deadline = time.monotonic() + ROW_TIMEOUT_S
        while not (rows := query_rows(self._settings, query)):
            if time.monotonic() > deadline:
                raise TimeoutError("the event did not reach the store: see `footfall status`")
            tick()
            time.sleep(POLL_S)
        self.row_after_ms = (time.monotonic() - self._sent) * 1000
        self._visitor = str(rows[0]["visitor"])

    def look_for_session(self) -> bool:
        """Whether its session is closed by now."""
        if self.closed_after_s is not None:
            return True
        query = (
            f"SELECT toString(session_id) AS id FROM {self._sessions} "  # noqa: S608 - quoted
            f"WHERE site_id = {quoted(self._site.site_id)} AND visitor_id = {int(self._visitor)} AND is_closed "
            # Not the session of an earlier demo in the same directory.
            f"AND end_at >= fromUnixTimestamp64Milli({self._since_ms}, 'UTC') "
            "ORDER BY start_at DESC LIMIT 1 FORMAT JSONEachRow"
        )
        rows = query_rows(self._settings, query)
        if rows:
            self.session_id, self.closed_after_s = str(rows[0]["id"]), time.monotonic() - self._sent
        return bool(rows)
