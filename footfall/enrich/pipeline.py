"""The ordered list of steps, and what runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.clock import add_times
from footfall.enrich.context import Context
from footfall.enrich.pages import add_pages, drop_excluded, drop_foreign_hosts
from footfall.enrich.pii import redact
from footfall.enrich.redaction import redact_events
from footfall.enrich.traffic import add_traffic, drop_referrer_spam
from footfall.enrich.visitor import add_bot, add_device, add_geo, add_language
from footfall.enrich.wanted import add_goals
from footfall.names import DropReason
from footfall.record import Record
from footfall.sites import Site

MAX_MESSAGE_CHARS = 200


class Step(NamedTuple):
    """One step and the name by which metrics and quarantine know it."""

    name: str
    run: Callable[[EnrichedBatch, Context], None]


class Failure(NamedTuple):
    """An event that a step could not stomach: for quarantine."""

    place: int  # in the record
    step: str
    message: str  # redacted


class Enriched(NamedTuple):
    """What became of one record."""

    batch: EnrichedBatch
    dropped: list[tuple[int, DropReason]]  # (place in the record, reason)
    failed: list[Failure]


PIPELINE: tuple[Step, ...] = (
    Step("clock", add_times),
    Step("pages", add_pages),
    Step("foreign_host", drop_foreign_hosts),
    Step("excluded", drop_excluded),
    Step("traffic", add_traffic),
    Step("referrer_spam", drop_referrer_spam),
    Step("agent", add_device),
    Step("bots", add_bot),
    Step("geo", add_geo),
    Step("language", add_language),
    Step("redaction", redact_events),
    Step("goals", add_goals),  # last: goals see what the store will hold, as repair does
)


def enrich(record: Record, site: Site, context: Context) -> Enriched:
    """The record's events, enriched: each is in the batch, dropped or failed, exactly once.

    Never raises (but MemoryError); the record is not changed.
    """
    batch = EnrichedBatch(record, site)
    if _run(batch, context) is not None:
        return _one_by_one(batch, context)
    if not batch.dropped:
        return Enriched(batch, [], [])
    batch.remove(set(batch.dropped))
    return Enriched(batch, sorted(batch.dropped.items()), [])


def _run(batch: EnrichedBatch, context: Context) -> tuple[str, str] | None:
    """All steps; (step, message) of the one that raised."""
    step = PIPELINE[0]
    try:
        for step in PIPELINE:
            step.run(batch, context)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a poisonous event becomes a value
        return step.name, redact(f"{type(error).__name__}: {error}"[:MAX_MESSAGE_CHARS])
    return None


def _one_by_one(whole: EnrichedBatch, context: Context) -> Enriched:
    """Each event as a record of its own, so that only the culprits are lost."""
    record = whole.record
    good = EnrichedBatch(record, whole.site)
    places: list[int] = []
    good.events, good.names, good.ids, good.index = [], [], [], places
    result = Enriched(good, [], [])
    for index, event in enumerate(record.events):
        single = EnrichedBatch(msgspec.structs.replace(record, events=[event]), whole.site)
        failure = _run(single, context)
        if failure is not None:
            result.failed.append(Failure(index, *failure))
        elif single.dropped:
            good.dropped[index] = single.dropped[0]
            result.dropped.append((index, single.dropped[0]))
        else:
            places.append(index)
            _add(good, single)
    return result


def _add(good: EnrichedBatch, single: EnrichedBatch) -> None:
    good.events += single.events
    good.names += single.names
    good.ids += single.ids
    good.occurred += single.occurred
    good.pages += single.pages
    good.traffic += single.traffic
    good.goals += single.goals
    good.device, good.geo, good.bot, good.language = single.device, single.geo, single.bot, single.language
