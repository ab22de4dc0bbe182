"""Measures that read rollups: first it is asked what of the range is rolled up, then what it comes to."""

from __future__ import annotations

from collections.abc import Mapping

from queries.catalogue import measures
from queries.measure import Measure
from queries.store import Answer, Store, Value

RANGE = "traffic_range"


def ask(store: Store, measure: Measure, values: Mapping[str, Value]) -> Answer:
    """The answer of any measure; `values` need no `range`. Raises what `Store.ask` raises."""
    if "range" in measure.parameters:
        found = store.ask(measures()[RANGE], {"step": "day", **values})
        values = {**values, "range": found.rows[0][0]}
    return store.ask(measure, values)
