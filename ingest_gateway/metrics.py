"""What the gateway counts: plain integers on the hot path, turned into metrics when asked."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

WAIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counts(Collector):
    """One process's counts. Everything but `collect` runs on the event loop."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()  # (endpoint, status)
        self.events: Counter[tuple[str, str]] = Counter()  # (stage, outcome)
        self.received: Counter[str] = Counter()  # events of readable requests, by stage
        self.rejected: Counter[str] = Counter()  # by reason
        self.refused: Counter[str] = Counter()  # by error code
        self.lost: Counter[str] = Counter()  # what senders say they dropped, by stage
        self.bugs = 0
        self.disconnects = 0
        self.ignored_proxies = 0
        self.privacy_dropped = 0
        self.waits = [0] * (len(WAIT_BUCKETS) + 1)
        self.wait_sum = 0.0
        self.reachable: Callable[[], bool] = lambda: False
        self.waiting: Callable[[], int] = lambda: 0

    def took(self, stage: str, count: int, rejected: list[tuple[int, str]], waited_s: float) -> None:
        """A request's events are durable: how many, which were refused, how long it waited for the log."""
        self.waits[bisect_left(WAIT_BUCKETS, waited_s)] += 1
        self.wait_sum += waited_s
        self.events[(stage, "accepted")] += count
        if rejected:
            self.events[(stage, "rejected")] += len(rejected)
            self.rejected.update(reason for _, reason in rejected)

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client."""
        yield _counter("requests", "Requests answered.", ("endpoint", "status"), self.answers)
        told = "Events of readable requests. At rest it is the sum of footfall_gateway_events_total."
        yield _counter("received_events", told, ("stage",), self.received)
        told = "Events by what became of them; not_taken: answered 503, the sender repeats them."
        yield _counter("events", told, ("stage", "outcome"), self.events)
        yield _counter("rejected", "Events refused, by reason.", ("reason",), self.rejected)
        told = (
            "Events that senders say they dropped; a batch that comes twice counts twice here, once in the ledger."
        )
        yield _counter("lost_events", told, ("stage",), self.lost)
        yield _counter("refused", "Requests refused, by error.", ("error",), self.refused)
        yield _counter("bugs", "Requests answered 503 because of a fault of the gateway.", (), {(): self.bugs})
        yield _counter("disconnects", "Clients that went before the answer.", (), {(): self.disconnects})
        told = "Requests with a proxy's header from a peer that is no trusted proxy."
        yield _counter("ignored_proxy_headers", told, (), {(): self.ignored_proxies})
        told = "Requests not counted at all because of GPC or DNT on a strict site."
        yield _counter("privacy_dropped", told, (), {(): self.privacy_dropped})
        yield self._histogram()
        told = "1: the last look at the control plane worked."
        yield GaugeMetricFamily("footfall_gateway_control_reachable", told, float(self.reachable()))
        told = "Requests that wait for the log."
        yield GaugeMetricFamily("footfall_gateway_waiting_requests", told, float(self.waiting()))

    def _histogram(self) -> Metric:
        total = 0
        buckets = []
        for bound, count in zip((*map(str, WAIT_BUCKETS), "+Inf"), self.waits, strict=True):
            total += count
            buckets.append((bound, float(total)))
        told = "From the append to its being durable."
        return HistogramMetricFamily("footfall_gateway_log_wait_seconds", told, buckets, self.wait_sum)


def _counter(name: str, told: str, labels: tuple[str, ...], counts: object) -> Metric:
    family = CounterMetricFamily(f"footfall_gateway_{name}", told, labels=labels)
    assert isinstance(counts, dict)
    for key, count in list(counts.items()):
        values = key if isinstance(key, tuple) else (key,)
        family.add_metric([str(value) for value in values], count)
    return family


def exposition() -> bytes:
    """What `/metrics` shows."""
    return generate_latest(REGISTRY)
