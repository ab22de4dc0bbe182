"""Random histories for the property tests, and a store that keeps the highest versions."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import strategies as st
from msgspec.structs import replace

from footfall.enrich.batch import INTERNAL, Device, Geo, Traffic
from footfall.ids import uuid7
from footfall.sessions import Fact, Policy, SessionRow, SessionShard, Who
from footfall.sites import Site, Window
from tests.sessions.oracle import Told

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
START = 1_700_000_000_000 - 1_700_000_000_000 % (24 * HOUR) + 20 * HOUR
POLICY = Policy(lateness_ms=10 * MINUTE)

WHO = [
    Who(site_id="shop", id_kind=1, device=Device(type="desktop", browser="Firefox", os="Linux"), language="en"),
    Who(site_id="shop", id_kind=0, geo=Geo(country="NP", region="Bagmati", city="Kathmandu"), bot="crawler"),
]
TRAFFIC = [
    INTERNAL,
    INTERNAL,
    Traffic(),
    Traffic(channel="Direct"),
    Traffic(channel="Referral", referrer_host="news.example", referrer="news.example/a"),
    Traffic(channel="Paid Search", utm_source="google", utm_medium="cpc", utm_campaign="x", click_id="gclid"),
    Traffic(channel="Paid Search", utm_source="google", utm_medium="cpc", utm_campaign="y", utm_term="t"),
]
SITES = [
    Site(site_id="shop"),
    Site(site_id="shop", windows=(Window(valid_from=0, window_ms=2 * MINUTE),)),
    Site(site_id="shop", windows=(Window(valid_from=0, window_ms=9 * HOUR),)),
    Site(
        site_id="shop",
        windows=(
            Window(valid_from=0, window_ms=HOUR),
            Window(valid_from=START + HOUR, window_ms=MINUTE),
            Window(valid_from=START + 5 * HOUR, window_ms=10 * HOUR),
        ),
    ),
]


@dataclass(frozen=True)
class Arrival:
    """One record as it is in the log."""

    visitor_id: int
    who: Who
    facts: tuple[Fact, ...]
    log_time: int

    def told(self) -> list[Told]:
        return [Told(self.visitor_id, fact, self.who, self.log_time) for fact in self.facts]

    def split(self, policy: Policy) -> tuple[list[Fact], list[Fact]]:
        """(facts that are not late, late ones)."""
        live = [f for f in self.facts if self.log_time - f.occurred_at <= policy.lateness_ms]
        late = [f for f in self.facts if self.log_time - f.occurred_at > policy.lateness_ms]
        return live, late


STEPS = {
    "burst": [0, 3 * SECOND, 50 * SECOND, MINUTE, 4 * MINUTE],
    "day": [0, 4 * MINUTE, 20 * MINUTE, 30 * MINUTE, 31 * MINUTE, 41 * MINUTE, 2 * HOUR, 8 * HOUR],
    "days": [0, 4 * MINUTE, 6 * HOUR, 8 * HOUR, 9 * HOUR, 9 * HOUR + 1, 25 * HOUR],
}
AGES = [0, 0, 1, 1 * SECOND, 1 * MINUTE, 5 * MINUTE, 599 * SECOND, 600 * SECOND]
LATE_AGES = [*AGES, 601 * SECOND, 25 * MINUTE, 40 * MINUTE, 3 * HOUR, 26 * HOUR]


@st.composite
def histories(draw: st.DrawFn, ages: list[int] = AGES, max_records: int = 30) -> list[Arrival]:
    """Records of three visitors in the order of the log, some events told twice."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    steps = chance.choices(STEPS[draw(st.sampled_from(sorted(STEPS)))], k=draw(st.integers(1, max_records)))
    visitors = draw(st.integers(1, 3))
    log_time = START
    arrivals: list[Arrival] = []
    told: list[Told] = []
    for step in steps:
        log_time += step
        visitor_id = chance.randint(1, visitors)
        server = chance.random() < 0.2
        facts = [_fact(chance, log_time - chance.choice(ages), server) for _ in range(chance.randint(1, 4))]
        again = [t for t in told if t.visitor_id == visitor_id and t.fact.client is not server]
        if again and chance.random() < 0.3:
            facts.insert(chance.randint(0, len(facts)), chance.choice(again).fact)
        arrival = Arrival(visitor_id, chance.choice(WHO), tuple(facts), log_time)
        arrivals.append(arrival)
        told += arrival.told()
    return arrivals


def _fact(chance: random.Random, at: int, server: bool) -> Fact:
    name = chance.choice(["page_view", "path_change", "click", "scroll", "purchase", "signup"])
    page = name in ("page_view", "path_change")
    return Fact(
        occurred_at=at,
        event_id=uuid7(at, chance.randbytes(10)),
        name=name,
        host=chance.choice(["shop.example", "m.shop.example", ""]),
        path=f"/{chance.randint(1, 5)}",
        traffic=chance.choice(TRAFFIC) if page else INTERNAL,
        engaged_ms=chance.choice([0, 0, 1500, 9000]),
        revenue=chance.randint(1, 10**7) if name == "purchase" else 0,
        goals=chance.choice([(), (), (), ("a",), ("b", "a")]),
        client=not server,
    )


@dataclass
class Store:
    """Rows by sorting key, highest version first, as the sessions table keeps them."""

    rows: dict[tuple[int, int], SessionRow] = field(default_factory=dict)

    def insert(self, rows: Iterable[SessionRow]) -> None:
        for row in rows:
            known = self.rows.get((row.start_at, row.session_id))
            if known is None or row.version >= known.version:
                self.rows[row.start_at, row.session_id] = row

    def standing(self, visitor_id: int | None = None) -> list[SessionRow]:
        return [
            row
            for row in self.rows.values()
            if not row.is_deleted and (visitor_id is None or row.visitor_id == visitor_id)
        ]

    def all_of(self, visitor_id: int) -> list[SessionRow]:
        return [row for row in self.rows.values() if row.visitor_id == visitor_id]


def plain(rows: Iterable[SessionRow]) -> list[SessionRow]:
    """Without what says when and how often a row was made, in one order."""
    bare = [replace(row, version=0, log_time=0, generation=0) for row in rows]
    return sorted(bare, key=lambda row: (row.visitor_id, row.start_at, row.session_id))


def play(shard: SessionShard, site: Site, arrivals: Iterable[Arrival], advance_every: int = 1) -> list[SessionRow]:
    """Feed what is not late; the rows that came out."""
    rows: list[SessionRow] = []
    for place, arrival in enumerate(arrivals):
        live, _ = arrival.split(POLICY)
        shard.absorb(site, arrival.visitor_id, arrival.who, live, arrival.log_time)
        if place % advance_every == 0:
            rows += shard.advance(arrival.log_time)
    return rows


def finish(shard: SessionShard, arrivals: list[Arrival]) -> list[SessionRow]:
    """Let log time go on until everything is closed."""
    return shard.advance(arrivals[-1].log_time + 48 * HOUR)
