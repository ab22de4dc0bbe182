"""Rate limits that hold over all gateways: each tells the others through Redis what it let in.

Nothing of a request waits for that. Every gateway has the whole bucket; five times a second it adds
what it took since to a counter in Redis and takes what the others added out of its own bucket, into
debt if need be. So over any time T all N gateways together let in at most

    burst + rate * T + (N - 1) * burst

and in the long run the rate itself. But who takes less than `FEW` in a round at a gateway (and less
than `IGNORED` of the rate) is not told of there, or every visitor's address would be.

Without Redis each gateway goes on with its own buckets, so that N times the rate may come in: to lose
events for want of a counter would be worse.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Iterable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from footfall.names import redis_key
from ingest_gateway.limits import Bucket
from ingest_gateway.repeating import Repeating

logger = logging.getLogger(__name__)
EVERY_S = 0.2
IGNORED = 0.1
FEW = 3.0
QUIET_ROUNDS = 10  # after which a bucket is no longer followed: it is full again
MAX_FOLLOWED = 2_000
EXPIRE_S = 60
TIMEOUT_S = 0.5
RETRY_S = (0.5, 5.0)

Touched = Callable[[], Iterable[tuple[str, Bucket]]]


class _Followed:
    """A bucket that is in use here."""

    __slots__ = ("bucket", "quiet", "seen")

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self.seen: int | None = None  # the counter, last time
        self.quiet = 0


def _least(bucket: Bucket) -> float:
    """What is worth telling of in one round."""
    return max(1.0, min(FEW, IGNORED * bucket.rate * EVERY_S))


class Sharing(Repeating):
    """Exchanges counts from a thread of its own. `touched` gives the buckets that something was taken
    from since it was last asked. Names go to Redis hashed with `secret`: some are addresses."""

    def __init__(self, url: str, stage: str, secret: bytes, touched: Touched) -> None:
        super().__init__("limits", EVERY_S)
        self._stage = stage
        self._secret = secret
        self._touched = touched
        self._client = redis.from_url(
            url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._followed: dict[str, _Followed] = {}
        self._failures = 0

    @property
    def reachable(self) -> bool:
        """Whether the last exchange worked."""
        return not self._failures

    def stop(self) -> None:
        """End the thread, and the connection."""
        super().stop()
        self._client.close()

    def _round(self) -> float:
        try:
            self.exchange()
        except redis.RedisError as error:
            if not self._failures:
                logger.warning("rate limits: Redis does not answer, each gateway has its own now: %s", error)
            self._failures += 1
            self._forget_counters()
            return min(RETRY_S[1], RETRY_S[0] * 2.0 ** min(self._failures, 8)) * random.uniform(0.5, 1.0)
        if self._failures:
            logger.info("rate limits: shared through Redis again")
        self._failures = 0
        return EVERY_S

    def exchange(self) -> None:
        """One round, one trip to Redis; none where nothing is followed."""
        self._follow()
        if not self._followed:
            return
        told = [(name, int(one.bucket.taken - one.bucket.told)) for name, one in self._followed.items()]
        pipeline = self._client.pipeline(transaction=False)
        for name, mine in told:
            key = self._key(name)
            pipeline.incrby(key, mine)
            pipeline.expire(key, EXPIRE_S)
        totals = pipeline.execute()[::2]
        for (name, mine), total in zip(told, totals, strict=True):
            self._settle(name, mine, int(total))

    def _follow(self) -> None:
        """Begin with buckets from which much was taken since the last round."""
        for name, bucket in self._touched():
            if name not in self._followed and bucket.rate:
                if bucket.taken - bucket.told >= _least(bucket) and len(self._followed) < MAX_FOLLOWED:
                    self._followed[name] = _Followed(bucket)
                else:
                    bucket.told = bucket.taken

    def _settle(self, name: str, mine: int, total: int) -> None:
        followed = self._followed[name]
        bucket = followed.bucket
        bucket.told += mine
        if followed.seen is not None and total > followed.seen + mine:  # less: Redis was wiped
            bucket.owe(total - followed.seen - mine)
        followed.seen = total
        followed.quiet = 0 if mine >= _least(bucket) else followed.quiet + 1
        if followed.quiet > QUIET_ROUNDS:
            del self._followed[name]

    def _forget_counters(self) -> None:
        """What the others took meanwhile is long refilled when Redis is back."""
        for followed in self._followed.values():
            followed.seen, followed.bucket.told = None, followed.bucket.taken

    def _key(self, name: str) -> str:
        digest = hashlib.blake2b(name.encode(), key=self._secret[:64], digest_size=12).hexdigest()
        return redis_key(self._stage, "limit", digest)
