"""When things really happened: the client's clock, corrected by ours."""

from __future__ import annotations

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context
from footfall.names import Source

# Their times are absolute: a server's clock is trusted, an import tells history.
ABSOLUTE = frozenset({Source.SERVER.value, Source.IMPORT.value})


def corrected(occurred_at: int, skew_ms: int, received_at: int) -> int:
    """Client time plus skew, in ms; 0 (unknown) or the future becomes `received_at`."""
    if not occurred_at:
        return received_at
    return max(0, min(occurred_at + skew_ms, received_at))


def skew_ms(source: int, sent_at: int, received_at: int) -> int:
    """How far the client's clock is behind ours; 0 where it cannot be told."""
    return received_at - sent_at if sent_at and source not in ABSOLUTE else 0


def add_times(batch: EnrichedBatch, context: Context) -> None:  # noqa: ARG001 - a step
    """Fill `occurred`: never after received_at, never negative."""
    record = batch.record
    received = record.received_at
    skew = skew_ms(record.source, record.sent_at, received)
    times = [event.occurred_at for event in batch.events]
    if times and (first := min(times)) > 0 <= first + skew and max(times) + skew <= received:
        batch.occurred = [at + skew for at in times]  # the usual case, without a call for each
    else:
        batch.occurred = [corrected(at, skew, received) for at in times]
