"""A stage with traffic over a change of the clocks, rolled up to somewhere in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from footfall.names import database_name
from jobs.rollups import DAYS, HOURS, rollup
from queries.store import Store
from tests.fixtures.store import StoreServer
from tests.jobs.data import DAY, HOUR, MINUTE, Bench, bench, event, ms, session

ZONES = {
    "berlin.example": "Europe/Berlin",  # 25 October 2026 has 25 hours
    "patan.example": "Asia/Kathmandu",  # +05:45
    "boston.example": "America/New_York",
    "empty.example": "Europe/Berlin",
}
START = ms("2026-10-19T12:00Z")
LENGTH = 11 * DAY
# Up to here rollups are made; what is later is the running hour, and then some.
ROLLED_UNTIL = START + 10 * DAY + 7 * HOUR + 11 * MINUTE


def rows_of(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Events and sessions with few visitors, so that most come again, and many on the borders of hours."""
    rnd = random.Random(seed)
    events, sessions = [], []
    for _ in range(2_500):
        site, visitor = rnd.choice(list(ZONES)[:3]), rnd.randrange(40)
        at = START + rnd.randrange(LENGTH)
        at = at - at % (15 * MINUTE) - rnd.randrange(2) if rnd.random() < 0.4 else at
        what = {
            "country": rnd.choice(["DE", "NP", ""]), "browser": rnd.choice(["Firefox", "Chrome"]), "os": "Linux",
            "device_type": rnd.choice(["mobile", "desktop"]), "bot": "known_crawler" if visitor == 3 else "",
            "id_kind": 3 if visitor == 4 else visitor % 3,
        }  # fmt: skip
        name = rnd.choice(["page_view", "click", "path_change"])
        events.append(event(site, visitor, at, name, path=rnd.choice(["/", "/a", "/b/ü ' \\", ""]), **what))
        if rnd.random() < 0.3:
            numbers = {"engaged_ms": rnd.randrange(99), "conversions": rnd.randrange(3), "orders": 1}
            money = {"revenue": rnd.randrange(-9, 99) * 2500, "is_bounce": rnd.randrange(2)}
            came = {"channel": rnd.choice(["Direct", "Email"]), "utm_source": rnd.choice(["", "news"])}
            more = {"events": 7, "page_views": 3, "referrer_host": "ref.example", **numbers, **money, **came}
            sessions.append(session(site, visitor, at, **more, **what))
    return events, sessions


@pytest.fixture(scope="module")
def made(store: StoreServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(store, tmp_path_factory.mktemp("queries")) as made:
        for site_id, zone in ZONES.items():
            made.control.add_site(site_id, now=0, timezone=zone)
        events, sessions = rows_of(1)
        made.insert("events", events)
        made.insert("sessions", sessions)
        made.now = ROLLED_UNTIL
        made.stored_until(ROLLED_UNTIL)
        for kind in (HOURS, DAYS):
            assert rollup(made.context(), kind) != f"0 {kind.name}s computed"
        yield made


@pytest.fixture(scope="module")
def asked(store: StoreServer, made: Bench) -> Iterator[Store]:
    """The store as who asks measures has it: with the user that may only read."""
    user = ("reader", store.reader_password) if store.reader_password else (store.user, store.password)
    with Store(f"http://{store.host}:{store.http_port}", *user, database_name(made.stage)) as asked:
        yield asked
