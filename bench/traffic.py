"""Realistic traffic as log records, for benchmarks: seeded, so the same every time.

20,000 visitors on one shop; 20 events a record; a mix of agents, languages, countries,
pages, campaigns, clicks, vitals and purchases. Event times ascend with log time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from footfall.event import Element, Form, Item, Order, Search, Vital
from footfall.ids import uuid7
from footfall.names import Consent, IdKind
from footfall.record import LogEvent, Record

HOST = "shop.example.com"
START_MS = 1_790_000_000_000
EVENTS_PER_RECORD = 20
PATHS = (
    ["/", "/cart", "/checkout", "/about", "/search", "/blog"]
    + [f"/c/{n}" for n in range(40)]
    + [f"/products/item-{n}" for n in range(800)]
    + [f"/blog/post-{n}" for n in range(120)]
)
REFERRERS = [
    "https://www.google.com/", "https://www.google.com/", "https://duckduckgo.com/", "https://www.facebook.com/",
    "https://t.co/abc", "https://news.ycombinator.com/item?id=1", "https://chatgpt.com/", "https://partner.example.net/x",
]  # fmt: skip
COUNTRIES = ["US", "DE", "GB", "FR", "IN", "BR", "JP", "NL", "PL", "ES"]
LANGUAGES = ["en-US,en;q=0.9", "de-DE,de;q=0.9,en;q=0.8", "fr-FR,fr;q=0.9", "pt-BR,pt;q=0.9", "ja,en;q=0.5"]
SCREENS = [(1920, 1080), (1440, 900), (390, 844), (412, 915), (2560, 1440), (1536, 864)]


def agents() -> list[str]:
    """About 300 user agents: browsers of several versions on several systems."""
    found = []
    for version in range(118, 142):
        chrome = f"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0"
        for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64"):
            found.append(f"Mozilla/5.0 ({system}) {chrome} Safari/537.36")
        for model in ("K", "SM-S918B", "Pixel 8"):
            found.append(f"Mozilla/5.0 (Linux; Android 14; {model}) {chrome} Mobile Safari/537.36")
        found.append(f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {chrome} Safari/537.36 Edg/{version}.0.0.0")
        gecko = f"Gecko/20100101 Firefox/{version}.0"
        for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10.15"):
            found.append(f"Mozilla/5.0 ({system}; rv:{version}.0) {gecko}")
    for minor in range(8):
        webkit = f"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{minor}"
        found.append(
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_{minor} like Mac OS X) {webkit} Mobile/15E148 Safari/604.1"
        )
        found.append(f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {webkit} Safari/605.1.15")
    return found


class Person:
    """A visitor with an agent, a place and a screen, wandering through the shop."""

    __slots__ = ("address", "agent", "country", "id", "language", "page", "screen", "session")

    def __init__(self, chance: random.Random, agent_list: list[str]) -> None:
        self.id = chance.getrandbits(64)
        self.agent = chance.choice(agent_list)
        self.country = chance.choice(COUNTRIES)
        self.language = chance.choice(LANGUAGES)
        self.screen = chance.choice(SCREENS)
        self.address = f"10.{chance.randrange(256)}.{chance.randrange(256)}.0"
        self.session = f"{chance.getrandbits(96):024x}"
        self.page = "/"


def records(
    events: int,
    visitors: int = 20_000,
    seed: int = 1,
    events_per_second: int = 2_000,
    start_ms: int = START_MS,
) -> Iterator[Record]:
    """Records holding `events` events in all; `received_at` ascends from `start_ms` at the given rate."""
    chance = random.Random(seed)
    agent_list = agents()
    people = [Person(chance, agent_list) for _ in range(visitors)]
    for number in range(events // EVENTS_PER_RECORD):
        received = start_ms + number * EVENTS_PER_RECORD * 1000 // events_per_second
        yield _record(chance, people[chance.randrange(visitors)], received)


def _record(chance: random.Random, person: Person, received: int) -> Record:
    width, height = person.screen
    record = Record(
        site_id=HOST,
        batch_id=uuid7(received, chance.randbytes(10)),
        received_at=received,
        sent_at=received - 40,
        visitor_id=person.id,
        id_kind=IdKind.CONSENTED,
        consent=Consent.GRANTED,
        address=person.address,
        country=person.country,
        user_agent=person.agent,
        language=person.language,
        viewport_width=width,
        viewport_height=height - 100,
        screen_width=width,
        screen_height=height,
        sdk="js/1.0",
    )
    at = received - 3_000
    record.events = [_event(chance, person, at + place * 140) for place in range(EVENTS_PER_RECORD)]
    return record


def _event(chance: random.Random, person: Person, at: int) -> LogEvent:
    dice = chance.random()
    if dice < 0.30:
        return _page_view(chance, person, at)
    event = LogEvent(
        name="scroll",
        event_id=uuid7(at, chance.randbytes(10)),
        occurred_at=at,
        url=f"https://{HOST}{person.page}",
        session_id=person.session,
    )
    if dice < 0.58:
        event.name = "click"
        number = chance.randrange(30)
        event.element = Element(
            tag="a", text=f"See offer {number}", selector=f"main > div.grid > a:nth-child({number})",
            x=chance.randrange(1200), y=chance.randrange(4000),
        )  # fmt: skip
    elif dice < 0.70:
        event.scroll_depth = chance.randrange(101)
    elif dice < 0.80:
        event.name, event.engaged_ms = "page_leave", chance.randrange(60_000)
        event.scroll_depth = chance.randrange(101)
    elif dice < 0.88:
        event.name = "web_vital"
        event.vital = Vital(chance.choice(("LCP", "INP", "CLS", "TTFB")), round(chance.random() * 3000, 1))
    elif dice < 0.93:
        event.name, event.items = "product_view", [_item(chance)]
    elif dice < 0.95:
        event.name, event.items = "add_to_cart", [_item(chance)]
    elif dice < 0.955:
        event.name, event.items = "purchase", [_item(chance)]
        event.order = Order(
            order_id=f"o-{chance.getrandbits(32)}", revenue=round(chance.random() * 200, 2), currency="EUR"
        )
    elif dice < 0.97:
        event.name, event.search = "search", Search(f"shoes {chance.randrange(200)}", chance.randrange(50))
    elif dice < 0.985:
        event.name, event.form = "form_submit", Form(id="newsletter")
    else:
        event.name, event.props = "signup", {"plan": chance.choice(("free", "pro")), "seats": chance.randrange(9)}
    return event


def _page_view(chance: random.Random, person: Person, at: int) -> LogEvent:
    before = f"https://{HOST}{person.page}"
    person.page = chance.choice(PATHS)
    url, referrer = f"https://{HOST}{person.page}", before
    dice = chance.random()
    if dice < 0.05:
        url += f"?utm_source=news&utm_medium=email&utm_campaign=autumn-{chance.randrange(20)}"
        referrer = ""
    elif dice < 0.08:
        url, referrer = f"{url}?gclid={chance.getrandbits(160):040x}", "https://www.google.com/"
    elif dice < 0.12:
        url += f"?sort=price&page={chance.randrange(9)}"
    elif dice < 0.20:
        referrer = chance.choice(REFERRERS)
    return LogEvent(
        name="page_view",
        event_id=uuid7(at, chance.randbytes(10)),
        occurred_at=at,
        url=url,
        referrer=referrer,
        title=f"{person.page.rsplit('/', 1)[-1]} - Shop",
        session_id=person.session,
    )


def _item(chance: random.Random) -> Item:
    number = chance.randrange(800)
    return Item(
        item_id=f"item-{number}", item_name=f"Item {number}", item_category="shoes", price=float(number % 90 + 9)
    )
