"""docs/metrics.md: every metric of every part, from the code."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import REGISTRY
from prometheus_client.core import Metric

import eventlog.metrics as _log
import sinks.live as _live
import sinks.metrics as _store
from flows.metrics import FlowStats
from ingest_gateway.metrics import Counts
from jobs.metrics import families as job_families

REGISTERED = (_log, _live, _store)  # by their import
INTRO = """# Metrics

Each part shows its metrics for Prometheus on `/metrics`: the gateway on its own port (keep it from
the world, docs/behind-a-proxy.md), the flow on `FOOTFALL_FLOW_METRICS_PORT` (9480), the jobs on
`FOOTFALL_JOBS_METRICS_PORT` (9470), both on `FOOTFALL_METRICS_HOST` (127.0.0.1). A part whose port is taken
says so in its log and goes on without. deploy/prometheus/ has a scrape configuration and alert rules,
docs/runbook.md what to do about each alert; `footfall top` shows the same without Prometheus.

**They add up.** Counters are of a process's life, for rates; what holds over restarts is the ledger
(`ledger_v1`, shown as `footfall_ledger_events`). When nothing is on its way, for each stage:

    gateway received_events = events{rejected} + events{accepted} + events{not_taken}
    flow    events{accepted} = events{stored} + events{duplicate} + events{dropped} + events{quarantined}
    flow    events_out{enrich} = events_in{admit}, events_out{admit} = events_in{store}

What the gateway could not put into the log in time (`not_taken`) may have got there after all; its sender
repeats it, and the flow counts one of the two as a duplicate. Imports and replays do not pass the gateway.

**No contents.** Labels are stages, partitions, steps, outcomes, reasons, tables, jobs and site ids: no event,
visitor or address.
"""

PARTS = (
    ("Gateway", ("footfall_gateway_", "footfall_log_"), ("footfall_log_up", "footfall_log_end_offset")),
    ("Flow", ("footfall_flow_", "footfall_store_", "footfall_live_"), ("footfall_store_up",)),
)


def families() -> list[Metric]:
    """All there are, named as Prometheus shows them."""
    own = [*Counts().collect(), *FlowStats().collect(), *job_families({})]
    shared = [family for family in REGISTRY.collect() if family.name.startswith("footfall_")]
    return [*own, *shared]


def shown_name(family: Metric) -> str:
    """As PromQL knows it; of a histogram without `_bucket`, `_sum`, `_count`."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def sample_names() -> set[str]:
    """Every name an expression may use."""
    names: set[str] = set()
    for family in families():
        name = shown_name(family)
        names |= (
            {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if family.type == "histogram" else {name}
        )
    return names


def metrics_page() -> str:
    """The whole page."""
    found = {shown_name(family): family for family in families()}
    pages = [INTRO]
    taken: set[str] = set()
    for title, prefixes, others in PARTS:
        names = [name for name in found if name.startswith(prefixes) and name not in others]
        taken |= set(names)
        pages.append(_table(title, names, found))
    pages.append(_table("Jobs", [name for name in found if name not in taken], found))
    return "\n".join(pages)


def _table(title: str, names: Iterable[str], found: dict[str, Metric]) -> str:
    lines = [f"## {title}", "", "| metric | kind | labels | meaning |", "| --- | --- | --- | --- |"]
    for name in sorted(names):
        family = found[name]
        labels = ", ".join(f"`{label}`" for label in _labels(family))
        lines.append(f"| `{name}` | {family.type} | {labels or '-'} | {family.documentation} |")
    return "\n".join([*lines, ""])


def _labels(family: Metric) -> tuple[str, ...]:
    own = getattr(family, "_labelnames", None)
    if own is None:
        own = REGISTRY._names_to_collectors[shown_name(family)]._labelnames  # type: ignore[attr-defined]
    return tuple(own)
