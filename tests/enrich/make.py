"""Records to enrich, and where the real data is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from footfall.enrich.batch import EnrichedBatch, Traffic
from footfall.enrich.context import Context
from footfall.enrich.pipeline import Enriched, enrich
from footfall.record import LogEvent, Record
from footfall.sites import Site

DATA = Path(__file__).parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data sets are not at {DATA}")

RECEIVED = 1_760_000_000_000
SITE = Site(site_id="shop", domains=("example.com",))
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/124.0.0.0 Safari/537.36"


def event(name: str = "page_view", **fields: Any) -> LogEvent:
    fields.setdefault("url", "https://shop.example.com/a")
    return LogEvent(name, b"\0" * 16, **fields)


def record(*events: LogEvent, **fields: Any) -> Record:
    fields.setdefault("received_at", RECEIVED)
    fields.setdefault("user_agent", CHROME)
    return Record(site_id="shop", events=list(events), **fields)


def run(*events: LogEvent, site: Site = SITE, context: Context | None = None, **fields: Any) -> Enriched:
    return enrich(record(*events, **fields), site, context or Context())


def batch_of(*events: LogEvent, **fields: Any) -> EnrichedBatch:
    result = run(*events, **fields)
    assert result.failed == []
    return result.batch


def traffic_of(url: str = "https://shop.example.com/", referrer: str = "", name: str = "page_view") -> Traffic:
    return batch_of(event(name, url=url, referrer=referrer)).traffic[0]
