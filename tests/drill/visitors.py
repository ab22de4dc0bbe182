"""Who comes to the drill's site, and what they do there: as varied as what sessions and rollups tell apart."""

from __future__ import annotations

import random
import uuid
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from footfall.ids import uuid7
from footfall.sites import Goal

HOUR_MS = 3_600_000
PAGES = [f"/products/{n}" for n in range(40)] + ["/", "/cart", "/about"]
CURRENCY = "EUR"
GOALS = (
    Goal(name="about", event="page_view", path="/about"),
    Goal(name="buy", event="purchase"),
    Goal(name="plan", event="signup", props=(("plan", "pro"),)),
)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
AGENTS = {AGENT: "desktop", PHONE: "mobile", FIREFOX: "desktop", CRAWLER: ""}
COUNTRIES = ("DE", "NP", "US", "")
QUERIES = (
    *[""] * 8, "?utm_source=letter&utm_medium=email&utm_campaign=spring", "?gclid=abc",
    "?utm_source=letter&utm_medium=email&utm_campaign=autumn",
)  # fmt: skip
REFERRERS = (*[""] * 6, "https://www.google.com/", "https://news.ycombinator.com/item?id=1", "https://{host}/cart")
ORDERS = ((19.99, "EUR"), (250.0, "EUR"), (7.5, "USD"))
NAMES = {
    "page_view": 45, "click": 28, "path_change": 6, "page_leave": 10, "purchase": 5, "signup": 4, "search": 2,
}  # fmt: skip


class Told(NamedTuple):
    """What was sent of an event, in the store's words."""

    name: str
    path: str
    utm_campaign: str
    engaged_ms: int
    revenue: int
    country: str
    device_type: str  # empty: of a crawler, whatever it is taken for


class Visitor:
    """Somebody clicking now, or coming back from a tunnel; every tenth without consent, some crawlers."""

    def __init__(self, chance: random.Random, host: str) -> None:
        self._chance = chance
        self._host = host
        self.agent = chance.choices(list(AGENTS), (6, 4, 4, 1))[0]
        self.language = chance.choice(("en", "de"))
        self.address = f"198.{chance.randrange(18, 20)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        self._country = chance.choice(COUNTRIES)
        consents = chance.random() > 0.1
        self._who = {"visitor_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)), "consent": "granted"}
        self._who = self._who if consents else {}

    def country(self) -> str:
        """Where a batch comes from: nearly always from home."""
        return self._country if self._chance.random() < 0.95 else self._chance.choice(COUNTRIES)

    def batch(self, now_ms: int, country: str, most: int = 6) -> tuple[dict[str, object], dict[bytes, Told]]:
        """A batch body without `sent_at`, of up to `most` events, and what is told; one in ten is hours late."""
        chance = self._chance
        base = now_ms
        if chance.random() < 0.1:
            base -= chance.choice((60_000, 2 * HOUR_MS, 26 * HOUR_MS)) + chance.randrange(30_000)
        events, told = [], {}
        for _ in range(chance.randint(1, most)):
            at = base - chance.randrange(2_000)
            event_id = uuid7(at, chance.randbytes(10))
            event = self._event(at, event_id)
            events.append(event)
            told[event_id] = _told(event, country, AGENTS[self.agent])
        body: dict[str, object] = {
            "batch_id": str(uuid.UUID(bytes=uuid7(base, chance.randbytes(10)))),
            "events": events,
            **self._who,
        }
        return body, told

    def _event(self, at: int, event_id: bytes) -> dict[str, Any]:
        chance = self._chance
        name = chance.choices(list(NAMES), list(NAMES.values()))[0]
        event: dict[str, Any] = {
            "name": name,
            "event_id": str(uuid.UUID(bytes=event_id)),
            "occurred_at": at,
            "url": f"https://{self._host}{chance.choice(PAGES)}",
        }
        if name in ("page_view", "path_change"):
            event["url"] += chance.choice(QUERIES)
            event["referrer"] = chance.choice(REFERRERS).format(host=self._host)
        elif name == "page_leave":
            event["engaged_ms"] = chance.randrange(1, 15_000)
        elif name == "purchase":
            revenue, currency = chance.choice(ORDERS)
            event["order"] = {"order_id": event["event_id"], "revenue": revenue, "currency": currency}
        elif name == "signup":
            event["props"] = {"plan": chance.choice(("pro", "free"))}
        elif name == "search":
            event["search"] = {"term": "shoes", "results": 3}
        else:
            event["element"] = {"tag": "button", "text": "Buy", "selector": "#buy"}
        return event


def _told(event: dict[str, Any], country: str, device_type: str) -> Told:
    url = urlsplit(event["url"])
    campaign = next((c for c in ("spring", "autumn") if f"utm_campaign={c}" in url.query), "")
    revenue = round(event.get("order", {}).get("revenue", 0) * 10_000)
    return Told(event["name"], url.path, campaign, event.get("engaged_ms", 0), revenue, country, device_type)


class Crowd:
    """Those who are on the site now: most stay for a while, some look at it once.

    `batches`: after so many of them, on average, a visitor leaves and another one comes; 0: nobody leaves.
    """

    def __init__(self, chance: random.Random, host: str, size: int = 150, batches: int = 0) -> None:
        self._chance, self._host = chance, host
        self._here = [Visitor(chance, host) for _ in range(size)]
        self._leaves = 1 / batches if batches else 0.0

    def next(self) -> Visitor:
        """Who does something now."""
        if self._chance.random() < 0.03:
            return Visitor(self._chance, self._host)
        place = self._chance.randrange(len(self._here))
        visitor = self._here[place]
        if self._chance.random() < self._leaves:
            self._here[place] = Visitor(self._chance, self._host)
        return visitor
