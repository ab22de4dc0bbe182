"""What the sinks count."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

STORE_ROWS = Counter("footfall_store_rows", "Rows stored.", ["stage", "table"])
STORE_SKIPPED = Counter("footfall_store_skipped_rows", "Rows left out as stored before.", ["stage", "reason"])
STORE_FLUSH_SECONDS = Histogram(
    "footfall_store_flush_seconds",
    "Time to store what was gathered.",
    ["stage"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600),
)
STORE_BATCH_ROWS = Histogram(
    "footfall_store_batch_rows",
    "Rows of events, sessions, identities and quarantine that one flush took.",
    ["stage"],
    buckets=(1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000),
)
STORE_RETRIES = Counter("footfall_store_retries", "Inserts tried again.", ["stage"])
STORE_OLDEST_SECONDS = Gauge(
    "footfall_store_oldest_unflushed_seconds", "Age of the oldest row that is not stored yet.", ["stage"]
)
