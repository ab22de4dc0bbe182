"""What each step makes of one event: for people who ask why."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.clock import skew_ms
from footfall.enrich.context import Context
from footfall.enrich.pii import redact
from footfall.enrich.pipeline import MAX_MESSAGE_CHARS, PIPELINE
from footfall.record import Record
from footfall.sites import Site


class StepResult(NamedTuple):
    """One step's part. `outcome`: passed, dropped or failed; after the latter two there are no more."""

    step: str
    outcome: str
    told: str


def trace(record: Record, place: int, site: Site, context: Context) -> list[StepResult]:
    """The record's event at `place`, step by step, as `enrich` would do it now. Never raises (but MemoryError)."""
    batch = EnrichedBatch(msgspec.structs.replace(record, events=[record.events[place]]), site)
    results: list[StepResult] = []
    for step in PIPELINE:
        try:
            step.run(batch, context)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - a poisonous event becomes a value
            message = redact(f"{type(error).__name__}: {error}"[:MAX_MESSAGE_CHARS])
            return [*results, StepResult(step.name, "failed", message)]
        if batch.dropped:
            return [*results, StepResult(step.name, "dropped", str(batch.dropped[0]))]
        results.append(StepResult(step.name, "passed", _TOLD.get(step.name, _nothing)(batch)))
    return results


def _nothing(_batch: EnrichedBatch) -> str:
    return ""


def _clock(batch: EnrichedBatch) -> str:
    record = batch.record
    skew = skew_ms(record.source, record.sent_at, record.received_at)
    corrected = batch.occurred[0] - batch.events[0].occurred_at if batch.events[0].occurred_at else None
    if corrected is None:
        return "it brought no time: that of its receipt"
    return f"the sender's clock was {skew:+,} ms off ours; its time was moved by {corrected:+,} ms"


def _traffic(batch: EnrichedBatch) -> str:
    found = batch.traffic[0]
    came = found.utm_source or found.referrer_host
    return (
        f"channel {found.channel}" + (f", from {came}" if came else "")
        if found.channel
        else "from within the site"
    )


def _agent(batch: EnrichedBatch) -> str:
    return ", ".join(filter(None, (batch.device.type, batch.device.browser, batch.device.os)))


_TOLD: dict[str, Callable[[EnrichedBatch], str]] = {
    "clock": _clock,
    "pages": lambda batch: f"{batch.pages[0].host}{batch.pages[0].path}",
    "traffic": _traffic,
    "agent": _agent,
    "bots": lambda batch: f"a bot: {batch.bot}" if batch.bot else "a person",
    "geo": lambda batch: batch.geo.country or "no place known",
    "language": lambda batch: batch.language,
    "goals": lambda batch: ", ".join(batch.goals[0]) or "none",
}
