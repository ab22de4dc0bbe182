"""Which of the site's goals an event reaches."""

from __future__ import annotations

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context

NONE: tuple[str, ...] = ()


def add_goals(batch: EnrichedBatch, context: Context) -> None:
    """Fill `goals`."""
    wanted = context.compiled(batch.site).goals
    find, others = wanted.by_name.get, wanted.others
    goals = []
    for event, page in zip(batch.events, batch.pages, strict=True):
        rules = find(event.name, others)
        if rules is None:
            goals.append(NONE)
        elif rules.by_path is not None:
            goals.append(rules.by_path[page.path])
        else:
            goals.append(rules.reached(page.path, event.props))
    batch.goals = goals
