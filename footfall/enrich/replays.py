"""What enrichment does differently with records out of the raw archive."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from footfall.enrich.batch import INTERNAL, NO_PAGE, EnrichedBatch
from footfall.enrich.clock import add_times
from footfall.enrich.context import Context
from footfall.enrich.pipeline import Enriched
from footfall.record import LogEvent


def leave_out(enriched: Enriched, places: Collection[int]) -> Enriched:
    """Without the events at these places of the record, whatever became of them."""
    batch = enriched.batch
    batch.remove({place for place, index in enumerate(batch.index) if index in places})
    return Enriched(
        batch,
        [dropped for dropped in enriched.dropped if dropped[0] not in places],
        [failure for failure in enriched.failed if failure.place not in places],
    )


def withdrawals(enriched: Enriched, context: Context) -> EnrichedBatch | None:
    """The events that were dropped, as rows that say so: nothing but what finds the row to withdraw
    and the visitor to repair."""
    if not enriched.dropped:
        return None
    whole = enriched.batch.record
    places = [place for place, _ in enriched.dropped]
    events = [_bare(whole.events[place]) for place in places]
    batch = EnrichedBatch(msgspec.structs.replace(whole, events=events), enriched.batch.site)
    add_times(batch, context)
    batch.index = places
    batch.pages = [NO_PAGE] * len(events)
    batch.traffic = [INTERNAL] * len(events)
    batch.goals = [()] * len(events)
    batch.withdrawn = True
    return batch


def _bare(event: LogEvent) -> LogEvent:
    return LogEvent(name=event.name, event_id=event.event_id, occurred_at=event.occurred_at)
