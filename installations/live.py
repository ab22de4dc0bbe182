"""The mark among a stage's keys in Redis. A Redis that was wiped has none: whoever starts first leaves it."""

from __future__ import annotations

import logging

import redis

from footfall.names import redis_key
from footfall.settings import Settings

TIMEOUT_S = 2.0
logger = logging.getLogger(__name__)


class LiveMark:
    """See `installations.mark.Mark`."""

    setting = "FOOTFALL_REDIS_URL"

    def __init__(self, settings: Settings, stage: str) -> None:
        self._url = settings.redis_address()
        self._key = redis_key(stage, "owner")
        self.where = f"live values {redis_key(stage)}:*"

    def owner(self) -> str | None:
        """See `Mark.owner`: live counters are not worth waiting for."""
        try:
            with self._client() as client:
                found = client.get(self._key)
        except redis.RedisError as error:
            logger.info("whose %s are cannot be told: %s", self.where, error)
            return None
        return found.decode(errors="replace") if isinstance(found, bytes) else ""

    def leave(self, installation: str, *, take_over: bool) -> None:
        """See `Mark.leave`. Best effort."""
        try:
            with self._client() as client:
                client.set(self._key, installation, nx=not take_over)
        except redis.RedisError as error:
            logger.warning("%s could not be marked: %s", self.where, error)

    def _client(self) -> redis.Redis:
        return redis.from_url(self._url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
