"""What enrichment costs: `python -m bench.enrich [RECORDS]`, microseconds an event by step.

Records of 20 events from 20,000 visitors with 2,000 agents, 5,000 paths and a long tail
of queries, click ids, searches and props. Each record is decoded anew from its bytes
(not timed), so that no string's hash is known beforehand, as in the flow. Processor
time is measured, so other programs on the machine disturb it little.
"""

from __future__ import annotations

import random
import sys
import time

from footfall.enrich.batch import EnrichedBatch
from footfall.enrich.context import Context
from footfall.enrich.pipeline import PIPELINE, enrich
from footfall.event import Element, Item, Order, Search, Vital
from footfall.record import LogEvent, Record, decode, encode
from footfall.sites import Goal, Site

EVENTS = 20
VISITORS = 20_000
START = 1_760_000_000_000
SITE = Site(
    site_id="shop",
    domains=("shop.example.com",),
    excluded_paths=("/admin/**",),
    goals=(
        Goal(name="thanks", event="page_view", path="/checkout/thanks"),
        Goal(name="product", event="page_view", path="/c/*/p-*"),
        Goal(name="bought", event="purchase"),
        Goal(name="newsletter", event="newsletter", props=(("place", "footer"),)),
    ),
)
REFERRERS = (
    "https://www.google.com/", "https://www.google.com/", "https://www.bing.com/", "https://t.co/x1",
    "https://www.facebook.com/", "https://chatgpt.com/", "https://blog.example.org/best-shoes",
)  # fmt: skip
WEBKIT = "AppleWebKit/{} (KHTML, like Gecko)"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) "
    + WEBKIT.format("605.1.15")
    + " Version/17.{} Mobile/15E148 Safari/604.1"
)
BLINK = WEBKIT.format("537.36")
ANDROID = "Mozilla/5.0 (Linux; Android {}; SM-G{}B) " + BLINK + " Chrome/{}.0.0.0 Mobile Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + BLINK + " Chrome/{}.0.{}.0 Safari/537.36"


def agents(rng: random.Random, count: int) -> list[str]:
    kinds = (
        lambda: SAFARI.format(rng.randrange(6), rng.randrange(6)),
        lambda: ANDROID.format(rng.randrange(9, 15), rng.randrange(900, 1000), rng.randrange(90, 126)),
        lambda: WINDOWS.format(rng.randrange(90, 126), rng.randrange(100)),
    )
    return [rng.choice(kinds)() for _ in range(count)]


def page(rng: random.Random) -> str:
    """A page of the shop, popular ones far more often."""
    number = min(int(rng.paretovariate(0.9)), 5000)
    url = f"https://shop.example.com/c/{number % 40}/p-{number}"
    return f"{url}?color={rng.choice(('red', 'blue'))}&size={rng.randrange(36, 47)}" if rng.random() < 0.2 else url


def landing(rng: random.Random) -> tuple[str, str]:
    """The first page of a visit and where it came from."""
    chance = rng.random()
    url = page(rng)
    more = "&" if "?" in url else "?"
    if chance < 0.15:
        return f"{url}{more}gclid={rng.randbytes(20).hex()}&utm_campaign=spring", "https://www.google.com/"
    if chance < 0.25:
        return f"{url}{more}utm_source=newsletter&utm_medium=email&utm_campaign=w{rng.randrange(50)}", ""
    return url, rng.choice(REFERRERS) if chance < 0.7 else ""


def events(rng: random.Random, at: int) -> list[LogEvent]:
    url, referrer = landing(rng) if rng.random() < 0.4 else (page(rng), page(rng))
    made = []
    for number in range(EVENTS):
        event = LogEvent(rng.choice(NAMES), rng.randbytes(16), at + number * 1000, url, title=f"Shop {url[-9:]}")
        if event.name == "page_view":
            if number:
                url, referrer = page(rng), url
            event.url, event.referrer, event.title = url, referrer, f"Shop {url[-9:]}"
        fill(rng, event)
        made.append(event)
    return made


NAMES = ("page_view",) * 5 + ("page_leave",) * 4 + ("scroll",) * 3 + ("click",) * 3 + (
    "web_vital", "web_vital", "product_view", "add_to_cart", "search", "purchase", "newsletter",
)  # fmt: skip


def fill(rng: random.Random, event: LogEvent) -> None:
    match event.name:
        case "click":
            text = f"Buy {rng.randrange(200)}"
            event.element = Element(tag="a", text=text, href=page(rng), selector="main > div.card > a", x=10, y=20)
        case "web_vital":
            event.vital = Vital("LCP", rng.random() * 4000)
        case "search":
            event.search = Search(f"shoes {rng.randrange(5000)}", 10)
        case "product_view" | "add_to_cart":
            event.items = [Item(f"sku-{rng.randrange(999)}", "Shoe", price=79.9)]
        case "purchase":
            event.order = Order(f"o-{rng.randrange(10**6)}", revenue=159.8, currency="EUR")
        case "newsletter":
            event.props = {"place": "footer", "variant": rng.choice("ab"), "n": rng.randrange(9), "ok": True}
        case "page_leave":
            event.engaged_ms, event.scroll_depth = 12_000, 70
        case _:
            pass


def records(count: int, seed: int = 1) -> list[bytes]:
    """Encoded records, made from the seed alone."""
    rng = random.Random(seed)
    known = agents(rng, 2000)
    visitors = [(rng.choice(known), f"81.2.{rng.randrange(256)}.0") for _ in range(VISITORS)]
    made = []
    for number in range(count):
        agent, address = rng.choice(visitors)
        at = START + number * 50
        made.append(
            encode(
                Record(
                    site_id="shop", batch_id=rng.randbytes(16), received_at=at + 30_000, sent_at=at + 29_000,
                    visitor_id=number, address=address, country="DE", user_agent=agent,
                    language="de-DE,de;q=0.9,en;q=0.8", events=events(rng, at),
                )
            )
        )  # fmt: skip
    return made


def by_step(data: list[bytes], context: Context) -> dict[str, float]:
    """CPU microseconds an event, step by step."""
    spent = dict.fromkeys((step.name for step in PIPELINE), 0.0)
    for chunk in chunks(data):
        batches = [EnrichedBatch(decode(raw), SITE) for raw in chunk]
        for name, run in PIPELINE:
            start = time.process_time()
            for batch in batches:
                run(batch, context)
            spent[name] += time.process_time() - start
    return {name: seconds * 1e6 / (len(data) * EVENTS) for name, seconds in spent.items()}


def whole(data: list[bytes], context: Context) -> float:
    """CPU microseconds an event for `enrich`, decoding not counted."""
    spent = 0.0
    for chunk in chunks(data):
        batch = [decode(raw) for raw in chunk]
        start = time.process_time()
        for record in batch:
            enrich(record, SITE, context)
        spent += time.process_time() - start
    return spent * 1e6 / (len(data) * EVENTS)


def chunks(data: list[bytes], size: int = 200) -> list[list[bytes]]:
    """Enough at a time for the clock, few enough to stay in the processor's caches."""
    return [data[first : first + size] for first in range(0, len(data), size)]


def main(arguments: list[str]) -> None:
    """Print the first pass (empty memos) and the best of three others."""
    data = records(int(arguments[0]) if arguments else 10_000)
    context = Context()
    print(f"{len(data)} records of {EVENTS} events")
    print(f"{'first pass, memos empty':28} {whole(data, context):7.3f} us/event")
    print(f"{'whole pipeline, best of 3':28} {min(whole(data, context) for _ in range(3)):7.3f} us/event")
    print(f"{'other events, memos warm':28} {whole(records(len(data), seed=2), context):7.3f} us/event")
    for name, cost in by_step(data, context).items():
        print(f"    {name:24} {cost:7.3f}")


if __name__ == "__main__":
    main(sys.argv[1:])
