"""Which of the site's goals an event reaches."""

from __future__ import annotations

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context

NONE: tuple[str, ...] = ()


def add_goals(batch: EnrichedBatch, context: Context) -> None:
    """Fill `goals`."""
    wanted = context.compiled(batch.site).goals
    find, others = wanted.by_name.get, wanted.others
    batch.goals = [
        NONE if (rules := find(name, others)) is None
        else rules.by_path[page.path] if rules.by_path is not None
        else rules.reached(page.path, event.props)
        for name, page, event in zip(batch.names, batch.pages, batch.events, strict=True)
    ]  # fmt: skip
