"""Token buckets. A bucket may be overdrawn by one request: what a batch costs is known only
once it has been read, and a batch larger than the burst must pass some time."""

from __future__ import annotations

from ingest_gateway.answers import RefusedError

BURST_SECONDS = 2.0
MAX_ADDRESSES = 65_536


class Bucket:
    """`rate` tokens a second up to `burst`. A rate of 0 is no limit. `now` is monotonic seconds."""

    __slots__ = ("_at", "_burst", "_owed", "_paid", "_tokens", "rate", "taken", "told")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now
        self.taken = 0.0  # in all; grows only
        self.told = 0.0  # of that, what other gateways know of: `sharing.Sharing`'s alone
        self._owed = self._paid = 0.0  # what other gateways took, and how much of it was paid here

    def wait_s(self, now: float) -> float:
        """0 if something may pass now, else in how many seconds."""
        if not self.rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._owed != self._paid:
            owed = self._owed
            self._tokens -= owed - self._paid
            self._paid = owed
        return 0.0 if self._tokens > 0 else -self._tokens / self.rate + 0.001

    def take(self, count: float) -> None:
        """Pay."""
        if self.rate:
            self._tokens -= count
            self.taken += count

    def owe(self, count: float) -> None:
        """Others took as much of it. May be called from another thread than the rest: each of the
        numbers is changed by one of them alone."""
        self._owed += count

    def is_full(self, now: float) -> bool:
        """Nothing has been taken lately: it may be forgotten."""
        return self._tokens + (now - self._at) * self.rate >= self._burst


class AddressLimit:
    """One bucket per address, in bounded memory."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: dict[str, Bucket] = {}
        self._touched: dict[str, Bucket] = {}

    def touched(self) -> list[tuple[str, Bucket]]:
        """The buckets something was taken from since this was last asked; for one other thread."""
        found, self._touched = self._touched, {}
        return list(found.items())  # in one step: a request may still be adding to it

    def check(self, key: str, now: float) -> None:
        """`RefusedError` 429 if this address sends too many requests."""
        if not self._rate:
            return
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_ADDRESSES:
                self._forget(now)
            bucket = self._buckets[key] = Bucket(self._rate, self._rate * BURST_SECONDS, now)
        wait = bucket.wait_s(now)
        if wait:
            raise RefusedError(429, "address_rate", f"more than {self._rate:g} requests/s from this address", wait)
        bucket.take(1)
        self._touched[key] = bucket

    def _forget(self, now: float) -> None:
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if not bucket.is_full(now)}
        # An attack from very many addresses: the oldest go, so that memory stays bounded.
        for key in list(self._buckets)[: max(0, len(self._buckets) - MAX_ADDRESSES // 2)]:
            del self._buckets[key]
        self._touched = {}
