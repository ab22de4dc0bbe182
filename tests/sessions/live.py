"""One visitor's events through a shard, and the sessions that come out."""

from __future__ import annotations

import itertools
from typing import Any

from footfall.enrich.batch import INTERNAL, Traffic
from footfall.ids import uuid7
from footfall.sessions import Fact, Policy, SessionRow, SessionShard
from footfall.sites import Site
from tests.sessions.histories import HOUR, POLICY, START, WHO, Store

SITE = Site(site_id="shop", currency="EUR")
DAY = 24 * HOUR
GOOGLE = Traffic(channel="Organic Search", referrer_host="google.com")
MAIL = Traffic(channel="Email", utm_source="letter", utm_campaign="may")
_ordinal = itertools.count()


def fact(at: int, name: str = "page_view", **fields: Any) -> Fact:
    """An event with an id of its own; ids ascend."""
    event_id = uuid7(at, next(_ordinal).to_bytes(10, "big"))
    values = {"host": "shop.example", "path": "/", "traffic": INTERNAL, **fields}
    return Fact(at, event_id, name, **values)


class Live:
    """A shard, one visitor, and what came out."""

    def __init__(self, policy: Policy = POLICY, site: Site = SITE) -> None:
        self.shard, self.site = SessionShard(policy), site
        self.rows: list[SessionRow] = []

    def tell(self, *facts: Fact, log_time: int = 0, visitor_id: int = 1) -> list[int]:
        log_time = log_time or max(f.occurred_at for f in facts)
        places = self.shard.absorb(self.site, visitor_id, WHO[0], facts, log_time)
        self.rows += self.shard.advance(log_time)
        return places

    def until(self, log_time: int) -> list[SessionRow]:
        rows = self.shard.advance(log_time)
        self.rows += rows
        return rows

    def sessions(self) -> list[SessionRow]:
        """What stands in the store once everything is closed."""
        self.until(START + 1000 * DAY)
        store = Store()
        store.insert(self.rows)
        return sorted(store.standing(), key=lambda row: row.start_at)
