"""Realistic enriched records for the storage benchmark: a shop's and a paper's visitors.

Visits follow one another like real ones do: heavy-tailed visit lengths and pages, a few
thousand paths with titles, tens of campaigns, common devices, random ids. A record
holds the few events an SDK sends at a time.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator

from footfall.enrich.batch import INTERNAL, Device, EnrichedBatch, Geo, Page, Traffic
from footfall.event import Element, Failure, Form, Item, Order, Search, Vital
from footfall.ids import uuid7
from footfall.names import Consent, IdKind
from footfall.record import LogEvent, Record
from footfall.sites import Site

SITES = [Site(site_id=f"site-{number}.example") for number in range(5)]
WORDS = [
    "summer",
    "winter",
    "running",
    "shoes",
    "jacket",
    "blue",
    "green",
    "travel",
    "guide",
    "review",
    "best",
    "cheap",
    "kitchen",
    "garden",
    "light",
    "smart",
    "phone",
    "cable",
    "bike",
    "helmet",
    "story",
    "market",
    "football",
    "election",
    "recipe",
    "bread",
    "coffee",
    "morning",
    "evening",
    "house",
    "plant",
]
DEVICES = [
    Device(kind, browser, version, os, os_version, brand)
    for kind, browser, os, os_version, brand in (
        ("mobile", "Chrome Mobile", "Android", "14", "Samsung"),
        ("mobile", "Mobile Safari", "iOS", "18.1", "Apple"),
        ("desktop", "Chrome", "Windows", "10", ""),
        ("desktop", "Safari", "Mac OS X", "15.1", "Apple"),
        ("desktop", "Firefox", "Linux", "", ""),
        ("mobile", "Chrome Mobile", "Android", "13", "Xiaomi"),
        ("tablet", "Safari", "iOS", "17.6", "Apple"),
    )
    for version in ("140", "141", "142")
]
CITIES = [
    Geo(country, f"{country}-{region}", f"{city}")
    for country in ("DE", "US", "FR", "GB", "IN", "BR", "PL", "NL")
    for region in range(6)
    for city in (f"Town {country}{region}a", f"Town {country}{region}b")
]
SOURCES = [
    Traffic("Organic Search", "www.google.com", "www.google.com/"),
    Traffic("Organic Search", "duckduckgo.com", "duckduckgo.com/"),
    Traffic("Direct"),
    Traffic("Organic Social", "www.reddit.com", "www.reddit.com/r/news"),
    *(
        Traffic(
            "Paid Search",
            "www.google.com",
            "www.google.com/",
            "google",
            "cpc",
            f"spring-{n}",
            "",
            f"ad{n}",
            "gclid",
        )
        for n in range(20)
    ),
    *(Traffic("Email", "", "", "newsletter", "email", f"2026-w{n}") for n in range(10)),
]
SCREENS = [(390, 844, 390, 844), (412, 915, 412, 915), (1920, 969, 1920, 1080), (1440, 789, 1440, 900)]
VITALS = ("LCP", "INP", "CLS", "TTFB")


class Visit:
    """One visitor's visit, record by record."""

    def __init__(self, chance: random.Random, start: int, pages: list[list[tuple[Page, str]]]) -> None:
        self.chance = chance
        self.now = start
        self.site = chance.choices(SITES, weights=(50, 25, 15, 7, 3))[0]
        self.pages = pages[SITES.index(self.site)]
        self.left = min(60, int(chance.paretovariate(1.1)))
        self.visitor = chance.getrandbits(64)
        self.session = f"{chance.getrandbits(64):x}"
        self.device, self.geo = chance.choice(DEVICES), chance.choice(CITIES)
        self.screen = chance.choice(SCREENS)
        self.consented = chance.random() < 0.4
        self.language = chance.choice(("en-US", "de-DE", "fr-FR", "pl-PL"))
        self.traffic = chance.choice(SOURCES)
        self.offset = 0

    def page_events(self) -> EnrichedBatch:
        """One page view and what is done on the page."""
        chance = self.chance
        page, title = self.pages[min(len(self.pages) - 1, int(chance.paretovariate(0.6)) - 1)]
        if chance.random() < 0.1:
            page = Page(page.host, page.path, f"sort={chance.choice(WORDS)}&page={chance.randint(1, 9)}")
        names = ["page_view", *chance.choices(("click", "scroll", "web_vital"), (3, 3, 2), k=chance.randint(0, 5))]
        extra = chance.random()
        if extra < 0.08:
            names.append(chance.choice(("product_view", "add_to_cart", "search", "form_start", "error", "signup")))
        elif extra < 0.09:
            names.append("purchase")
        names.append("page_leave")
        events, occurred = [], []
        for name in names:
            self.now += int(chance.expovariate(1 / 4000)) + 1
            event = LogEvent(name, uuid7(self.now, chance.randbytes(10)), self.now, session_id=self.session)
            self.fill(event, title)
            events.append(event)
            occurred.append(self.now)
        width, height, screen_width, screen_height = self.screen
        record = Record(
            site_id=self.site.site_id,
            batch_id=uuid7(self.now, chance.randbytes(10)),
            received_at=self.now + 150,
            sent_at=self.now,
            visitor_id=self.visitor,
            id_kind=IdKind.CONSENTED if self.consented else IdKind.DAILY,
            consent=Consent.GRANTED if self.consented else Consent.NONE,
            language=self.language,
            viewport_width=width,
            viewport_height=height,
            screen_width=screen_width,
            screen_height=screen_height,
            sdk="footfall-js/0.1.0",
            events=events,
        )
        batch = EnrichedBatch(record, self.site)
        batch.occurred = occurred
        batch.pages = [page] * len(events)
        batch.traffic = [self.traffic, *[INTERNAL] * (len(events) - 1)]
        batch.device, batch.geo, batch.language = self.device, self.geo, self.language
        self.traffic = INTERNAL
        self.left -= 1
        self.now += int(chance.expovariate(1 / 20_000))
        return batch

    def fill(self, event: LogEvent, title: str) -> None:
        """The parts a known event carries."""
        chance, name = self.chance, event.name
        word = chance.choice(WORDS)
        if name == "page_view":
            event.title = title
        elif name == "page_leave":
            event.engaged_ms, event.scroll_depth = chance.randint(500, 90_000), chance.randint(5, 100)
        elif name == "scroll":
            event.scroll_depth = chance.choice((25, 50, 75, 100))
        elif name == "click":
            x, y = chance.randint(0, self.screen[0]), chance.randint(0, 4000)
            tag = chance.choice(("a", "button", "div"))
            event.element = Element(
                tag, "", "", word.title(), f"main > section:nth-child({y % 7}) > {tag}", "", x, y
            )
            if tag == "a":
                event.element.href = f"/{word}/{chance.choice(WORDS)}"
        elif name == "web_vital":
            event.vital = Vital(chance.choice(VITALS), round(chance.lognormvariate(7, 0.6), 1))
        elif name == "search":
            event.search = Search(f"{word} {chance.choice(WORDS)}", chance.randint(0, 300))
        elif name == "form_start":
            event.form = Form("newsletter", "Newsletter", "email")
        elif name == "error":
            stack = f"at {word} (app.js:{chance.randint(1, 900)}:7)\nat run (app.js:12:3)"
            event.error = Failure(f"{word} is undefined", "https://cdn.example/app.js", 12, 3, stack)
        elif name in ("product_view", "add_to_cart", "purchase"):
            number = chance.randint(1, 3000)
            event.items = [Item(f"sku-{number}", f"{word} {number}", word, "Acme", number / 10, 1)]
            if name == "purchase":
                event.order = Order(f"o-{chance.getrandbits(40)}", "", number / 10, number / 60, 4.9, "EUR", "")
        else:
            event.props = {"plan": chance.choice(("free", "pro")), "step": chance.randint(1, 4)}


def pages_of(chance: random.Random, site: Site) -> list[tuple[Page, str]]:
    """A site's pages with their titles, the popular ones first."""
    pages = [(Page(site.site_id, "/"), "Home")]
    for number in range(2000):
        words = chance.choices(WORDS, k=4)
        pages.append((Page(site.site_id, f"/{words[0]}/{'-'.join(words)}-{number}"), " ".join(words).title()))
    return pages


def records(
    events: int, *, seed: int = 1, start: int = 1_790_000_000_000, rate: float = 20.0
) -> Iterator[EnrichedBatch]:
    """Batches with about `events` events in all, in the order of their receipt; `rate` visits a second."""
    chance = random.Random(seed)
    pages = [pages_of(chance, site) for site in SITES]
    visits: list[tuple[int, int, Visit]] = []
    made, begun, now = 0, 0, float(start)
    while made < events:
        while not visits or now <= visits[0][0]:
            now += chance.expovariate(rate / 1000)
            begun += 1
            heapq.heappush(visits, (int(now), begun, Visit(chance, int(now), pages)))
        _, number, visit = heapq.heappop(visits)
        batch = visit.page_events()
        made += len(batch)
        yield batch
        if visit.left > 0:
            heapq.heappush(visits, (visit.now, number, visit))
