"""What operators ask: is the process there, does the log take records, how much was counted."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ingest_gateway import metrics
from ingest_gateway.answers import JSON, Answer, unavailable
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.request import Request

METRICS = [("content-type", "text/plain; version=1.0.0; charset=utf-8")]
MISSED_BEATS = 3


class Health:
    """The answers of /healthz, /readyz and /metrics."""

    def __init__(self, writers: Mapping[str, LogWriter], heartbeat_s: float) -> None:
        self.draining = False
        self._writers = writers
        self._heartbeat_s = heartbeat_s

    async def healthz(self, _request: Request) -> Answer:
        """The process answers."""
        return Answer(200, JSON, b'{"status":"ok"}')

    async def readyz(self, _request: Request) -> Answer:
        """The log of every stage takes records; `RefusedError` 503."""
        if self.draining:
            raise unavailable("the gateway is stopping")
        for stage, writer in self._writers.items():
            # Heartbeats make sure that somebody has tried lately.
            if writer.failing or time.monotonic() - writer.last_success > MISSED_BEATS * self._heartbeat_s:
                raise unavailable(f"the log of stage {stage} does not take records")
        return Answer(200, JSON, b'{"status":"ready"}')

    async def metrics(self, _request: Request) -> Answer:
        """For Prometheus."""
        return Answer(200, METRICS, metrics.exposition())
