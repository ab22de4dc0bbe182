"""Made-up visits to a made-up shop: for the demo, and wherever load should look real.

Everything follows from the seed: who comes, from where, what they do and when. Ids and
clock times are filled in when a request is sent (`Visit.body`).
"""

from __future__ import annotations

import heapq
import json
import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from footfall.ids import uuid7

SITE = "shop.example.com"
ORIGIN = f"https://{SITE}"

CATEGORIES = ("chairs", "tables", "lamps", "shelves", "rugs")
PRODUCTS = [(f"{name}-{n}", name, round(19.0 + 17.5 * n, 2)) for name in CATEGORIES for n in range(1, 9)]
POSTS = ("/blog/how-to-oil-oak", "/blog/small-rooms", "/blog/repair-not-replace", "/blog/light-at-night")
COUNTRIES = ("DE", "US", "FR", "GB", "NL", "AT", "NP", "IN", "JP", "BR")

# (referrer, query of the first page, weight)
ARRIVALS = (
    ("", "", 30),
    ("https://www.google.com/", "", 24),
    ("https://www.google.com/", "gclid=demo", 8),
    ("https://duckduckgo.com/", "", 4),
    ("https://chatgpt.com/", "", 4),
    ("https://www.facebook.com/", "utm_source=facebook&utm_medium=paid_social&utm_campaign=spring", 8),
    ("", "utm_source=newsletter&utm_medium=email&utm_campaign=week-12", 10),
    ("https://news.ycombinator.com/", "", 5),
    ("https://a-blog.example.net/favourites", "", 7),
)
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
# (template, newest version, weight); composed here, not collected from anybody
AGENTS = (
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/{{}}.0.0.0 Safari/537.36", 140, 34),
    (f"Mozilla/5.0 (Linux; Android 10; K) {_WEBKIT} Chrome/{{}}.0.0.0 Mobile Safari/537.36", 140, 28),
    (
        f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_SAFARI} "
        "Version/{}.5 Mobile/15E148 Safari/604.1",
        18,
        22,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0", 141, 9),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Version/{{}}.4 Safari/605.1.15", 18, 7),
)
BOT_AGENT = "ExampleBot/1.0 (+https://bot.example.org/about)"
LANGUAGES = ("de-DE,de;q=0.9,en;q=0.6", "en-US,en;q=0.9", "fr-FR,fr;q=0.9", "ne-NP,ne;q=0.9,en;q=0.5")


class Step(NamedTuple):
    """What a visitor does next: seconds after the step before, and the events of it."""

    pause_s: float
    events: list[dict[str, Any]]


@dataclass
class Visit:
    """One visitor's visit. `headers` are those of their browser and of the proxy before
    the gateway."""

    headers: dict[str, str]
    steps: list[Step]
    visitor_id: str = ""  # with consent only
    bot: bool = False
    screen: tuple[int, int] = (1920, 1080)
    sent: int = field(default=0)

    def body(self, step: Step, now_ms: int, random_bytes: Callable[[int], bytes]) -> bytes:
        """The request's JSON. Made once per step: a retry sends the same bytes."""
        events = []
        for place, event in enumerate(step.events):
            at = now_ms - 40 * (len(step.events) - 1 - place)
            events.append({"event_id": _uuid(at, random_bytes), "occurred_at": at, **event})
        self.sent += len(events)
        batch: dict[str, Any] = {
            "batch_id": _uuid(now_ms, random_bytes),
            "sent_at": now_ms,
            "events": events,
            "screen_width": self.screen[0],
            "screen_height": self.screen[1],
            "viewport_width": self.screen[0],
            "viewport_height": self.screen[1] - 120,
            "sdk": "traffic/1",
        }
        if self.visitor_id:
            batch |= {"visitor_id": self.visitor_id, "consent": "granted"}
        return json.dumps(batch, separators=(",", ":")).encode()


class Request(NamedTuple):
    """A step of a visit, due at `at_s` after the start."""

    at_s: float
    visit: Visit
    step: Step


def traffic(seed: int, seconds: float, events_per_s: float, pace: float = 1.0) -> Iterator[Request]:
    """Requests in order of time. `pace` shortens the pauses inside a visit (0.2: a visit
    of a minute takes 12 s)."""
    rng = random.Random(seed)
    queue: list[tuple[float, int, int]] = []
    visits: list[Visit] = []
    arrival = 0.0
    while arrival < seconds or queue:
        if arrival < seconds and (not queue or arrival <= queue[0][0]):
            visit = make_visit(rng, pace)
            heapq.heappush(queue, (arrival, len(visits), 0))
            visits.append(visit)
            arrival += rng.expovariate(events_per_s / 7.0)  # a visit has about 7 events
            continue
        at, number, place = heapq.heappop(queue)
        visit = visits[number]
        yield Request(at, visit, visit.steps[place])
        following = at + visit.steps[place + 1].pause_s if place + 1 < len(visit.steps) else seconds
        if following < seconds:
            heapq.heappush(queue, (following, number, place + 1))


def make_visit(rng: random.Random, pace: float = 1.0) -> Visit:
    """One visit of somebody."""
    persona = rng.choices((_bounce, _reader, _searcher, _buyer, _bot), (25, 30, 20, 17, 8))[0]
    bot = persona is _bot
    referrer, query, _ = rng.choices(ARRIVALS, [weight for *_, weight in ARRIVALS])[0]
    steps = [
        Step(pause * pace * rng.uniform(0.6, 1.6), events)
        for pause, events in persona(rng, "" if bot else referrer, "" if bot else query)
    ]
    mobile = rng.random() < 0.5
    visitor_id = uuid.UUID(int=rng.getrandbits(128), version=4).hex if rng.random() < 0.4 and not bot else ""
    return Visit(_headers(rng, bot), steps, visitor_id, bot, (412, 915) if mobile else (1920, 1080))


def _headers(rng: random.Random, bot: bool) -> dict[str, str]:
    template, newest, _ = rng.choices(AGENTS, [weight for *_, weight in AGENTS])[0]
    # 100.64.0.0/10 is shared address space: nobody's on the public internet.
    address = f"100.{rng.randint(64, 127)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
    headers = {
        "Content-Type": "application/json",
        "Origin": ORIGIN,
        "User-Agent": BOT_AGENT if bot else template.format(newest - rng.randint(0, 4)),
        "X-Forwarded-For": address,
        "CF-IPCountry": rng.choice(COUNTRIES),
    }
    return headers if bot else {**headers, "Accept-Language": rng.choice(LANGUAGES)}


Script = list[tuple[float, list[dict[str, Any]]]]  # (pause in seconds, events)


def _view(path: str, referrer: str = "", query: str = "", title: str = "") -> dict[str, Any]:
    url = f"{ORIGIN}{path}" + (f"?{query}" if query else "")
    return {
        "name": "page_view",
        "url": url,
        "referrer": referrer or "",
        "title": title or path.strip("/") or "Home",
    }


def _leave(rng: random.Random, path: str) -> dict[str, Any]:
    engaged, depth = rng.randint(2_000, 60_000), rng.randint(20, 100)
    return {"name": "page_leave", "url": ORIGIN + path, "engaged_ms": engaged, "scroll_depth": depth}


def _click(path: str, text: str) -> dict[str, Any]:
    return {"name": "click", "url": ORIGIN + path, "element": {"tag": "a", "text": text, "selector": f"a.{text}"}}


def _item(product: tuple[str, str, float]) -> dict[str, Any]:
    name, category, price = product
    return {"item_id": name, "item_name": name.title(), "item_category": category, "price": price, "quantity": 1}


def _bounce(rng: random.Random, referrer: str, query: str) -> Script:
    path = rng.choice(("/", *POSTS))
    script: Script = [(0.0, [_view(path, referrer, query)])]
    return script if rng.random() < 0.5 else [*script, (4.0, [_leave(rng, path)])]


def _reader(rng: random.Random, referrer: str, query: str) -> Script:
    script: Script = []
    for number, post in enumerate(rng.sample(POSTS, rng.randint(2, len(POSTS)))):
        first = number == 0
        script.append(
            (0.0 if first else 8.0, [_view(post, referrer if first else ORIGIN, query if first else "")])
        )
        script.append((12.0, [{"name": "scroll", "url": ORIGIN + post, "scroll_depth": 75}, _leave(rng, post)]))
    return script


def _searcher(rng: random.Random, referrer: str, query: str) -> Script:
    product = rng.choice(PRODUCTS)
    path = f"/p/{product[0]}"
    vital = {"name": "web_vital", "url": f"{ORIGIN}/", "vital": {"name": "LCP", "value": rng.randint(600, 3500)}}
    search = {"name": "search", "url": f"{ORIGIN}/search", "search": {"term": product[1], "results": 8}}
    return [
        (0.0, [_view("/", referrer, query), vital]),
        (6.0, [_view("/search", f"{ORIGIN}/", f"q={product[1]}"), search]),
        (7.0, [_click("/search", "result"), _view(path, f"{ORIGIN}/search")]),
        (1.0, [{"name": "product_view", "url": ORIGIN + path, "items": [_item(product)]}]),
        (9.0, [_leave(rng, path)]),
    ]


def _buyer(rng: random.Random, referrer: str, query: str) -> Script:
    product = rng.choice(PRODUCTS)
    path, items = f"/p/{product[0]}", [_item(product)]
    script: Script = [
        (0.0, [_view("/", referrer, query)]),
        (5.0, [_view(f"/c/{product[1]}", f"{ORIGIN}/")]),
        (
            6.0,
            [
                _view(path, f"{ORIGIN}/c/{product[1]}"),
                {"name": "product_view", "url": ORIGIN + path, "items": items},
            ],
        ),
        (8.0, [{"name": "add_to_cart", "url": ORIGIN + path, "items": items}]),
        (5.0, [_view("/checkout", ORIGIN + path), {"name": "checkout_step", "order": {"step": "address"}}]),
    ]
    if rng.random() < 0.6:
        order = {"order_id": f"D{rng.getrandbits(40):010x}", "revenue": product[2], "currency": "EUR"}
        bought = {"name": "purchase", "url": f"{ORIGIN}/thanks", "order": order, "items": items}
        script.append((10.0, [_view("/thanks", f"{ORIGIN}/checkout"), bought]))
    return script


def _bot(rng: random.Random, _referrer: str, _query: str) -> Script:
    return [(1.0, [_view(f"/p/{name}")]) for name, *_ in rng.sample(PRODUCTS, rng.randint(2, 6))]


def _uuid(at_ms: int, random_bytes: Callable[[int], bytes]) -> str:
    return str(uuid.UUID(bytes=uuid7(at_ms, random_bytes(10))))
