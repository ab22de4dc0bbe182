"""Which of the site's goals an event reaches."""

from __future__ import annotations

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context

NONE: tuple[str, ...] = ()


def add_goals(batch: EnrichedBatch, context: Context) -> None:
    """Fill `goals`."""
    goals = context.compiled(batch.site).goals
    find, others = goals.by_name.get, goals.others
    batch.goals = [
        NONE if (rules := find(event.name, others)) is None else rules.reached(page.path, event.props)
        for event, page in zip(batch.events, batch.pages, strict=True)
    ]
