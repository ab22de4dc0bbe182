"""Enrichment: an ordered list of named steps over a whole record.

`enrich` never raises on an event: one that a step cannot stomach comes back as a value
in `failed`, the others of its record are enriched as if it were not there. The
last step of enrichment, duplicate suppression, needs state and lives in the flow.
"""

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context
from footfall.enrich.goals import goals_reached, prop_text
from footfall.enrich.pipeline import PIPELINE, Enriched, Failure, Step, enrich

__all__ = [
    "PIPELINE",
    "Context",
    "Enriched",
    "EnrichedBatch",
    "Failure",
    "Step",
    "enrich",
    "goals_reached",
    "prop_text",
]
