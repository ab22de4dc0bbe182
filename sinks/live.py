"""Live counters in Redis: one hash per site, one field per shard, absolute values.

Delivery: at most a few hundred milliseconds behind, and only the newest values count.
While Redis is away newer values replace older ones here; every 30 s everything known
is written again, so a wiped Redis is right within a minute. Keys expire by themselves
once nobody writes them, so dead data vanish.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Iterable
from itertools import islice
from typing import Any, Protocol

import redis
from prometheus_client import Counter, Gauge
from redis.backoff import NoBackoff
from redis.retry import Retry

from footfall.live_view import LiveValues, LiveView, decode_values, encode_values, sum_shards
from footfall.names import redis_key
from sinks.redis_faults import in_plain_words
from telemetry.incidents import Incident

WRITE_EVERY_S = 0.2
REWRITE_EVERY_S = 30.0
EXPIRE_S = 150
PIPELINE_VALUES = 500
MAX_KNOWN = 50_000  # sites times shards; what is over goes, the longest unchanged first
BACKOFF_S = (0.2, 5.0)
TIMEOUT_S = 2.0

_log = logging.getLogger(__name__)
_WRITTEN = Counter("footfall_live_values_written_total", "Live values written to Redis.", ["stage"])
_FAILED = Counter(
    "footfall_live_write_failures_total", "Writes of live values that Redis did not take.", ["stage"]
)
_PENDING = Gauge("footfall_live_values_pending", "Live values waiting for Redis.", ["stage"])


def live_key(stage: str, site_id: str) -> str:
    """Hash (field: shard) and channel of a site's live values."""
    return redis_key(stage, "live", site_id)


class HashReader(Protocol):
    """What `read_live` needs of a Redis client."""

    def hvals(self, name: str) -> Any:
        """The values of a hash."""


def read_live(client: HashReader, stage: str, site_id: str, now_ms: int) -> LiveView:
    """The site's live values, all shards summed. `now_ms`: the reader's clock.

    Raises `redis.RedisError` where Redis cannot be reached.
    """
    shards = [decode_values(field) for field in client.hvals(live_key(stage, site_id))]
    return sum_shards(site_id, shards, now_ms)


class LiveWriter:
    """Writes live values from a thread of its own; `put` never blocks and never fails."""

    def __init__(self, url: str, stage: str) -> None:
        self._stage = stage
        self._client = redis.from_url(
            url,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),  # trying again is this writer's own business
        )
        self._known: dict[tuple[str, int], LiveValues] = {}
        self._pending: set[tuple[str, int]] = set()
        self._wake = threading.Condition()
        self._incident = Incident(_log)
        self._stop_by: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"live-{stage}", daemon=True)
        self._thread.start()

    def put(self, values: Iterable[LiveValues]) -> None:
        """Take the newest values of some sites; they replace what was known."""
        with self._wake:
            for value in values:
                key = (value.site_id, value.shard)
                self._known.pop(key, None)
                self._known[key] = value
                self._pending.add(key)
            surplus = len(self._known) - MAX_KNOWN
            for key in list(islice(self._known, max(0, surplus))):
                del self._known[key]
                self._pending.discard(key)
            self._wake.notify()

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is pending if Redis takes it in time, then stop."""
        with self._wake:
            self._stop_by = time.monotonic() + timeout_s
            self._wake.notify()
        self._thread.join(timeout_s + TIMEOUT_S)
        self._client.close()

    def _run(self) -> None:
        rewrite_at = time.monotonic() + REWRITE_EVERY_S
        failures = 0
        while self._wait(rewrite_at):
            now = time.monotonic()
            full = now >= rewrite_at
            if full:
                rewrite_at = now + REWRITE_EVERY_S
            if self._write(self._collect(full)):
                failures = 0
                self._pause(WRITE_EVERY_S)
                continue
            failures += 1
            # Redis may come back empty: then everything is due, not only what changed.
            rewrite_at = 0.0
            self._pause(min(BACKOFF_S[1], BACKOFF_S[0] * 2 ** min(failures, 8)) * random.uniform(0.5, 1.0))

    def _wait(self, until: float) -> bool:
        """Until there is something to write; False when it is time to end."""
        with self._wake:
            while not self._pending and self._stop_by is None:
                left = until - time.monotonic()
                if left <= 0:
                    return True
                self._wake.wait(left)
            if self._stop_by is None:
                return True
            return bool(self._pending) and time.monotonic() < self._stop_by

    def _pause(self, seconds: float) -> None:
        """Let values gather; a stop cuts it short to a quick last try."""
        deadline = time.monotonic() + seconds
        with self._wake:
            while (left := deadline - time.monotonic()) > 0:
                if self._stop_by is not None:
                    left = min(left, 0.05)
                    deadline = min(deadline, time.monotonic() + left)
                self._wake.wait(left)

    def _collect(self, full: bool) -> list[LiveValues]:
        with self._wake:
            keys = list(self._known) if full else list(self._pending)
            self._pending.clear()
            _PENDING.labels(self._stage).set(0)
            return [self._known[key] for key in keys]

    def _write(self, values: list[LiveValues]) -> bool:
        """Write all, or put back what was not: whether Redis took it."""
        for start in range(0, len(values), PIPELINE_VALUES):
            part = values[start : start + PIPELINE_VALUES]
            try:
                self._write_part(part)
            except redis.RedisError as error:
                _FAILED.labels(self._stage).inc()
                why = in_plain_words(error)
                self._incident.met(f"live counters: Redis does not take them, the newest values wait: {why}")
                self._put_back(values[start:])
                return False
            _WRITTEN.labels(self._stage).inc(len(part))
            self._forget_gone(part)
        self._incident.over("live counters: Redis takes them again")
        return True

    def _write_part(self, values: list[LiveValues]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        newest: dict[str, int] = {}
        for value in values:
            key = live_key(self._stage, value.site_id)
            if value.gone:
                pipeline.hdel(key, str(value.shard))
            else:
                pipeline.hset(key, str(value.shard), encode_values(value))
            newest[key] = max(value.log_time, newest.get(key, 0))
        for key, log_time in newest.items():
            pipeline.expire(key, EXPIRE_S)
            pipeline.publish(key, str(log_time))
        pipeline.execute()

    def _put_back(self, values: list[LiveValues]) -> None:
        with self._wake:
            self._pending.update(key for value in values if (key := (value.site_id, value.shard)) in self._known)
            _PENDING.labels(self._stage).set(len(self._pending))

    def _forget_gone(self, values: list[LiveValues]) -> None:
        with self._wake:
            for value in values:
                key = (value.site_id, value.shard)
                if value.gone and self._known.get(key) is value:
                    del self._known[key]
