"""What the event log counts. Updated once a commit (Kafka: once a poll), not once a record."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter("footfall_log_records_total", "Records made durable in the log.")
BYTES = Counter("footfall_log_bytes_total", "Bytes of records made durable in the log.")
REFUSED = Counter("footfall_log_refused_total", "Appends the log could not take.", ["reason"])
COMMIT_SECONDS = Histogram(
    "footfall_log_commit_seconds",
    "Time of one group commit, fsync included.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0),
)
QUEUE_BYTES = Gauge("footfall_log_queue_bytes", "Bytes that wait for the disk, or for Kafka.")
CLOCK_AHEAD = Gauge(
    "footfall_log_clock_ahead_seconds",
    "How far this machine's clock is ahead of the brokers', below 0 behind; 0 on the local log.",
)
SEGMENTS_REMOVED = Counter("footfall_log_segments_removed_total", "Segments removed by retention.")
