"""Which of the site's goals an event reaches."""

from __future__ import annotations

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context
from footfall.enrich.goals import reached


def add_goals(batch: EnrichedBatch, context: Context) -> None:
    """Fill `goals`."""
    goals = context.compiled(batch.site).goals
    if not goals:
        batch.goals = [()] * len(batch.events)
        return
    batch.goals = [
        reached(goals, event.name, page.path, event.props)
        for event, page in zip(batch.events, batch.pages, strict=True)
    ]
