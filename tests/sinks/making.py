"""Enriched batches made by hand and by chance, and the rows of `events` they must become."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date

from footfall.duplicates import batch_key
from footfall.enrich.batch import INTERNAL, Device, EnrichedBatch, Geo, Page, Traffic
from footfall.enrich.goals import prop_text
from footfall.event import Element, Failure, Form, Item, Order, Request, Search, Vital
from footfall.ids import hash64, uuid7
from footfall.names import Source
from footfall.record import LogEvent, Record, Replay
from footfall.sites import Site
from sinks.event_day import event_day
from sinks.event_fields import money

NOW = 1_790_000_000_000
DAY_MS = 86_400_000
TEXTS = ("", "a", "päth/é", "日本語" * 40, "x" * 127, "y" * 128, "z" * 20_000, "tab\tnl\nnul\0end", "🙂", " ")


def batch_of(
    count: int,
    *,
    offset: int = 0,
    at: int = NOW,
    site_id: str = "shop.example",
    chance: random.Random | None = None,
) -> EnrichedBatch:
    """A record of `count` page views; ids follow from the offset, so that a repeated call gives the same."""
    chance = chance or random.Random(offset)
    events = [LogEvent("page_view", uuid7(at + place, chance.randbytes(10))) for place in range(count)]
    record = Record(
        site_id=site_id,
        batch_id=uuid7(at, chance.randbytes(10)),
        received_at=at + 500,
        visitor_id=7,
        events=events,
    )
    batch = EnrichedBatch(record, Site(site_id=site_id))
    batch.occurred = [at + place for place in range(count)]
    batch.pages = [Page(site_id, f"/{place}") for place in range(count)]
    batch.traffic = [INTERNAL] * count
    return batch


def random_batch(chance: random.Random, count: int) -> EnrichedBatch:
    """A record with every part, extreme numbers and odd texts here and there."""
    at = NOW + chance.choice((0, 40 * DAY_MS, chance.randrange(DAY_MS)))
    batch = batch_of(count, at=at, site_id=chance.choice(("a.example", "b.example")), chance=chance)
    record = batch.record
    record.visitor_id = chance.getrandbits(64)
    record.id_kind, record.consent, record.source = chance.randrange(4), chance.randrange(4), chance.randrange(4)
    record.viewport_width = chance.choice((0, 390, 65_535, 2**31 - 1))
    record.screen_height = chance.randrange(4000)
    record.sdk = chance.choice(("", "footfall-js/1"))
    batch.device = Device(chance.choice(("mobile", "desktop")), "Chrome", "141", "Android", "14", "Ünbrand")
    if chance.random() < 0.3:
        record.replay = Replay(chance.getrandbits(32), chance.getrandbits(16), chance.getrandbits(64))
        batch.withdrawn = chance.random() < 0.5
    batch.geo = Geo(chance.choice(("DE", "FR", "")), "Region", chance.choice(TEXTS[:3]))
    batch.language = chance.choice(("", "de-DE"))
    batch.bot = chance.choice(("", "", "crawler"))
    for place, event in enumerate(batch.events):
        _fill(event, chance)
        if chance.random() < 0.2:
            batch.traffic[place] = Traffic(
                "Email", "m.example", _text(chance), "s", _text(chance), "c", "t", "k", "gclid"
            )
        if chance.random() < 0.1:
            event.event_id = chance.randbytes(16)  # no believable clock
        if chance.random() < 0.1:
            batch.occurred[place] -= chance.randrange(70 * DAY_MS)
        batch.pages[place] = Page(chance.choice(("", "a.example")), _text(chance), _text(chance))
    batch.index = range(0, 2 * count, 2)
    batch.names = [event.name for event in batch.events]
    batch.ids = [event.event_id for event in batch.events]
    return batch


def _text(chance: random.Random) -> str:
    return chance.choice(TEXTS)


def _fill(event: LogEvent, chance: random.Random) -> None:
    def perhaps() -> bool:
        return chance.random() < 0.25

    event.name = chance.choice(("page_view", "click", "signup", "日本"))
    event.title, event.session_id = _text(chance), chance.choice(("", "s1", "s2"))
    event.user_id = chance.choice(("", "", "user-1"))
    event.engaged_ms, event.scroll_depth = chance.choice((0, 86_400_000)), chance.choice((0, 100))
    if perhaps():
        edge = chance.choice((-(2**31), 2**31 - 1))
        event.element = Element("a", _text(chance), "link", _text(chance), "main > a", "/x", edge, -edge - 1)
    if perhaps():
        event.form = Form("f", _text(chance), "email", _text(chance))
    if perhaps():
        event.items = [Item(f"i{n}", _text(chance), "c", "b", 12.345678, n) for n in range(chance.randrange(4))]
    if perhaps():
        event.order = Order("o1", "pay", chance.choice((1e12, -1e12, 0.00005, 19.99)), 1.1, 4.9, "EUR", "X")
    if perhaps():
        event.search = Search(_text(chance), 2**31 - 1)
    if perhaps():
        event.vital = Vital("CLS", chance.choice((0.0, 0.1, 1e9)))
    if perhaps():
        event.error = Failure(_text(chance), "/app.js", 2**31 - 1, 7, _text(chance))
    if perhaps():
        event.request = Request("GET", 999, 2**53, 86_400_000)
    if perhaps():
        values = (_text(chance), 1, -(2**63), 1.0, 1.5, True, False, None)
        event.props = {f"k{n}": chance.choice(values) for n in range(chance.randrange(5))}


def event_rows(
    batch: EnrichedBatch,
    visitor_id: int,
    places: Sequence[int] | None,
    late: Sequence[bool] | None,
    partition: int,
    offset: int,
    log_time: int,
) -> list[dict[str, object]]:
    """The rows of a record, column by column, as clickhouse-driver takes them (times as integers)."""
    chosen = range(len(batch)) if places is None else places
    return [
        _row(batch, place, visitor_id, bool(late and late[place]), partition, offset, log_time) for place in chosen
    ]


def _row(
    batch: EnrichedBatch, place: int, visitor_id: int, late: bool, partition: int, offset: int, log_time: int
) -> dict[str, object]:
    record, event, occurred = batch.record, batch.events[place], batch.occurred[place]
    page, traffic, device, geo = batch.pages[place], batch.traffic[place], batch.device, batch.geo
    element, form, order = event.element or Element(), event.form or Form(), event.order or Order()
    search, vital, error = event.search or Search(), event.vital or Vital(), event.error or Failure()
    request, items = event.request or Request(), event.items or []
    day = event_day(event.event_id, occurred, record.received_at)
    return {
        "site_id": record.site_id, "event_day": date.fromordinal(date(1970, 1, 1).toordinal() + day),
        "name": event.name, "event_id": event.event_id, "occurred_at": occurred, "received_at": record.received_at,
        "visitor_id": visitor_id, "id_kind": record.id_kind, "consent": record.consent, "source": record.source,
        "sdk_session": hash64(b"", "sdk_session", event.session_id) if event.session_id else 0,
        "host": page.host, "path": page.path, "query": page.query, "title": event.title,
        "channel": traffic.channel, "referrer_host": traffic.referrer_host, "referrer": traffic.referrer,
        "utm_source": traffic.utm_source, "utm_medium": traffic.utm_medium, "utm_campaign": traffic.utm_campaign,
        "utm_term": traffic.utm_term, "utm_content": traffic.utm_content, "click_id": traffic.click_id,
        "device_type": device.type, "browser": device.browser, "browser_version": device.browser_version,
        "os": device.os, "os_version": device.os_version, "brand": device.brand,
        "country": geo.country, "region": geo.region, "city": geo.city, "language": batch.language,
        "viewport_width": min(record.viewport_width, 65_535),
        "viewport_height": min(record.viewport_height, 65_535),
        "screen_width": min(record.screen_width, 65_535), "screen_height": min(record.screen_height, 65_535),
        "sdk": record.sdk, "engaged_ms": event.engaged_ms, "scroll_depth": event.scroll_depth,
        "element_tag": element.tag, "element_id": element.id, "element_role": element.role,
        "element_text": element.text, "element_selector": element.selector, "element_href": element.href,
        "element_x": element.x, "element_y": element.y,
        "form_id": form.id, "form_name": form.name, "form_field": form.field, "form_message": form.message,
        "item_ids": [item.item_id for item in items], "item_names": [item.item_name for item in items],
        "item_categories": [item.item_category for item in items],
        "item_brands": [item.item_brand for item in items],
        "item_prices": [money(item.price) for item in items], "item_quantities": [item.quantity for item in items],
        "order_id": order.order_id, "order_step": order.step, "revenue": money(order.revenue),
        "tax": money(order.tax), "shipping": money(order.shipping), "currency": order.currency,
        "coupon": order.coupon,
        "search_term": search.term, "search_results": search.results,
        "vital_name": vital.name, "vital_value": vital.value,
        "error_message": error.message, "error_source": error.source, "error_line": error.line,
        "error_column": error.column, "error_stack": error.stack,
        "method": request.method, "status": request.status, "response_bytes": request.bytes,
        "duration_ms": request.duration_ms, "user_id": event.user_id,
        "props": {key: prop_text(value) for key, value in event.props.items()},
        "bot": batch.bot, "late": int(late),
        "batch_key": 0 if record.source == Source.REPLAY else batch_key(record.batch_id),
        "log_partition": partition, "log_offset": offset, "log_index": batch.index[place], "log_time": log_time,
        "replay": record.replay.number if record.replay else 0, "withdrawn": int(batch.withdrawn),
        "archived_partition": record.replay.partition if record.replay else 0,
        "archived_offset": record.replay.offset if record.replay else 0,
    }  # fmt: skip
