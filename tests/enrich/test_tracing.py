from __future__ import annotations

from footfall.enrich import enrich
from footfall.enrich.context import Context
from footfall.enrich.pipeline import PIPELINE
from footfall.enrich.tracing import trace
from tests.flows.making import SITE, T0, event, record


def test_a_trace_ends_as_enrichment_does() -> None:
    passed, foreign = event(1, T0), event(2, T0)
    foreign.url = "https://elsewhere.example.net/"
    made = record(1, T0 + 5, [passed, foreign])
    whole = enrich(made, SITE, Context())
    results = trace(made, 0, SITE, Context())
    assert [result.step for result in results] == [step.name for step in PIPELINE]
    assert {result.outcome for result in results} == {"passed"}
    dropped = trace(made, 1, SITE, Context())[-1]
    assert (1, dropped.told) in [(place, str(reason)) for place, reason in whole.dropped]
    assert dropped[:2] == ("foreign_host", "dropped")


def test_a_step_that_raises_is_told_without_its_value() -> None:
    broken = event(1, T0)
    broken.url = 7  # type: ignore[assignment]
    last = trace(record(1, T0, [broken]), 0, SITE, Context())[-1]
    assert last[:2] == ("pages", "failed")
