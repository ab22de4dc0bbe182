"""The columns of `events`: each one's name, type and how it is encoded.

Three kinds: the same for a record (worked out once a record and repeated), dense (a
value for nearly every event), and sparse (a part that few events carry). The order is
that of sinks/ddl/0001_events.sql; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from footfall.duplicates import batch_key
from footfall.enrich.batch import INTERNAL, EnrichedBatch, Page, Traffic
from footfall.ids import hash64
from footfall.names import Source
from footfall.record import LogEvent
from sinks.native import (
    Gaps,
    StringPieces,
    fixed,
    low_cardinality,
    low_cardinality_runs,
    map_column,
    offsets,
    repeated,
    strings,
)

LC = "LowCardinality(String)"
MONEY = 10_000  # the store counts in ten-thousandths
_BYTE = [bytes([number]) for number in range(256)]
_SESSION_LIMIT = 65_536


class Run(NamedTuple):
    """The events of one record, in the columns' rows."""

    size: int
    batch: EnrichedBatch
    visitor_id: int
    partition: int
    offset: int
    log_time: int


class Rows:
    """Rows of one partition of the table, not yet encoded; lists are parallel to `events`."""

    __slots__ = ("days", "events", "ids", "index", "late", "occurred", "pages", "runs", "traffic")

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.ids: list[bytes] = []
        self.days: list[bytes] = []  # per run: the event_day column
        self.late: list[bytes] = []  # per run: the late column
        self.events: list[LogEvent] = []
        self.occurred: list[int] = []
        self.index: list[int] = []
        self.pages: list[Page] = []
        self.traffic: list[Traffic] = []


def money(amount: float) -> int:
    """Ten-thousandths, as the store counts."""
    return round(amount * MONEY)


def prop_text(value: str | int | float | bool | None) -> str:
    """A property's value as text: true, false, 1 (for 1.0 too), 1.5; empty for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value)
    return text.removesuffix(".0")


class Sessions(dict[str, bytes]):
    """The SDK's session hint -> its hash as 8 bytes; zero for no hint. Bounded."""

    def __missing__(self, hint: str) -> bytes:
        value = hash64(b"", "sdk_session", hint).to_bytes(8, "little") if hint else bytes(8)
        if len(self) >= _SESSION_LIMIT:
            self.clear()
        self[hint] = value
        return value


def _u16(number: int) -> bytes:
    return min(number, 0xFFFF).to_bytes(2, "little")


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _key(batch: EnrichedBatch) -> int:
    record = batch.record
    replayed = record.source == Source.REPLAY or not record.batch_id
    return 0 if replayed else batch_key(record.batch_id)


# name -> the value as bytes, from a run
_PER_RECORD: dict[str, Callable[[Run], bytes]] = {
    "received_at": lambda run: _u64(run.batch.record.received_at),
    "visitor_id": lambda run: _u64(run.visitor_id),
    "id_kind": lambda run: _BYTE[run.batch.record.id_kind],
    "consent": lambda run: _BYTE[run.batch.record.consent],
    "source": lambda run: _BYTE[run.batch.record.source],
    "viewport_width": lambda run: _u16(run.batch.record.viewport_width),
    "viewport_height": lambda run: _u16(run.batch.record.viewport_height),
    "screen_width": lambda run: _u16(run.batch.record.screen_width),
    "screen_height": lambda run: _u16(run.batch.record.screen_height),
    "batch_key": lambda run: _u64(_key(run.batch)),
    "log_partition": lambda run: _u16(run.partition),
    "log_offset": lambda run: _u64(run.offset),
    "log_time": lambda run: _u64(run.log_time),
}
# name -> the text, from a batch
_PER_RECORD_TEXT: dict[str, Callable[[EnrichedBatch], str]] = {
    "site_id": attrgetter("record.site_id"),
    "device_type": attrgetter("device.type"),
    "browser": attrgetter("device.browser"),
    "browser_version": attrgetter("device.browser_version"),
    "os": attrgetter("device.os"),
    "os_version": attrgetter("device.os_version"),
    "brand": attrgetter("device.brand"),
    "country": attrgetter("geo.country"),
    "region": attrgetter("geo.region"),
    "city": attrgetter("geo.city"),
    "language": attrgetter("language"),
    "sdk": attrgetter("record.sdk"),
    "bot": attrgetter("bot"),
}


class Field(NamedTuple):
    """A column filled from a part that few events carry."""

    name: str
    kind: str  # lc | str | an `array` type code
    value: Callable[[Any], Any]  # of the part


def _field(name: str, kind: str, attribute: str) -> Field:
    return Field(name, kind, attrgetter(attribute))


def _money(name: str) -> Field:
    of = attrgetter(name)
    return Field(name, "q", lambda part: money(of(part)))


_TRAFFIC = (
    _field("channel", "lc", "channel"),
    _field("referrer_host", "lc", "referrer_host"),
    _field("referrer", "str", "referrer"),
    _field("utm_source", "lc", "utm_source"),
    _field("utm_medium", "lc", "utm_medium"),
    _field("utm_campaign", "lc", "utm_campaign"),
    _field("utm_term", "lc", "utm_term"),
    _field("utm_content", "lc", "utm_content"),
    _field("click_id", "lc", "click_id"),
)
Find = Callable[[list[LogEvent]], list[int]]
# part of the event -> (which events carry it, the columns it fills). One comprehension
# for each part: an attribute by its name is read twice as fast as through a getter.
_PARTS: dict[str, tuple[Find, tuple[Field, ...]]] = {
    "element": (
        lambda events: [i for i, event in enumerate(events) if event.element is not None],
        (
            _field("element_tag", "lc", "tag"),
            _field("element_id", "str", "id"),
            _field("element_role", "lc", "role"),
            _field("element_text", "str", "text"),
            _field("element_selector", "str", "selector"),
            _field("element_href", "str", "href"),
            _field("element_x", "i", "x"),
            _field("element_y", "i", "y"),
        ),
    ),
    "form": (
        lambda events: [i for i, event in enumerate(events) if event.form is not None],
        (
            _field("form_id", "str", "id"),
            _field("form_name", "str", "name"),
            _field("form_field", "str", "field"),
            _field("form_message", "str", "message"),
        ),
    ),
    "order": (
        lambda events: [i for i, event in enumerate(events) if event.order is not None],
        (
            _field("order_id", "str", "order_id"),
            _field("order_step", "lc", "step"),
            _money("revenue"),
            _money("tax"),
            _money("shipping"),
            _field("currency", "lc", "currency"),
            _field("coupon", "lc", "coupon"),
        ),
    ),
    "search": (
        lambda events: [i for i, event in enumerate(events) if event.search is not None],
        (_field("search_term", "str", "term"), _field("search_results", "I", "results")),
    ),
    "vital": (
        lambda events: [i for i, event in enumerate(events) if event.vital is not None],
        (_field("vital_name", "lc", "name"), _field("vital_value", "d", "value")),
    ),
    "error": (
        lambda events: [i for i, event in enumerate(events) if event.error is not None],
        (
            _field("error_message", "str", "message"),
            _field("error_source", "str", "source"),
            _field("error_line", "I", "line"),
            _field("error_column", "I", "column"),
            _field("error_stack", "str", "stack"),
        ),
    ),
    "request": (
        lambda events: [i for i, event in enumerate(events) if event.request is not None],
        (
            _field("method", "lc", "method"),
            _field("status", "H", "status"),
            _field("response_bytes", "Q", "bytes"),
            _field("duration_ms", "I", "duration_ms"),
        ),
    ),
    "user_id": (
        lambda events: [i for i, event in enumerate(events) if event.user_id],
        (Field("user_id", "str", str),),
    ),
}
_ITEMS = (
    _field("item_ids", "str", "item_id"),
    _field("item_names", "str", "item_name"),
    _field("item_categories", "str", "item_category"),
    _field("item_brands", "str", "item_brand"),
    Field("item_prices", "q", lambda item: money(item.price)),
    _field("item_quantities", "I", "quantity"),
)


class Encoder:
    """Encodes rows; keeps the bytes of texts it has seen. One per thread."""

    def __init__(self) -> None:
        self._pieces = StringPieces()
        self._sessions = Sessions()

    def columns(self, rows: Rows) -> dict[str, bytes]:
        """Name -> bytes, of all columns of the table."""
        out = self._per_record(rows)
        out |= self._dense(rows)
        events, traffic, total = rows.events, rows.traffic, len(rows.events)
        places = [place for place, where in enumerate(traffic) if where is not INTERNAL]
        out |= self._sparse(_TRAFFIC, Gaps(places, total), [traffic[place] for place in places])
        for part, (find, fields) in _PARTS.items():
            places = find(events)
            of = attrgetter(part)
            out |= self._sparse(fields, Gaps(places, total), [of(events[place]) for place in places])
        out |= self._items(rows)
        out["props"] = self._props(rows)
        return out

    def _per_record(self, rows: Rows) -> dict[str, bytes]:
        runs = rows.runs
        counts = [run.size for run in runs]
        out = {name: repeated(map(of, runs), counts) for name, of in _PER_RECORD.items()}
        batches = [run.batch for run in runs]
        for name, text in _PER_RECORD_TEXT.items():
            out[name] = low_cardinality_runs(map(text, batches), counts, len(rows.events), self._pieces)
        return out

    def _dense(self, rows: Rows) -> dict[str, bytes]:
        events, pages, pieces = rows.events, rows.pages, self._pieces
        return {
            "event_day": b"".join(rows.days),
            "name": low_cardinality([event.name for event in events], pieces),
            "event_id": b"".join(rows.ids),
            "occurred_at": fixed("q", rows.occurred),
            "sdk_session": b"".join(map(self._sessions.__getitem__, [event.session_id for event in events])),
            "host": low_cardinality([page.host for page in pages], pieces),
            "path": strings([page.path for page in pages], pieces),
            "query": strings([page.query for page in pages], pieces),
            "title": strings([event.title for event in events], pieces),
            "engaged_ms": fixed("I", [event.engaged_ms for event in events]),
            "scroll_depth": bytes([event.scroll_depth for event in events]),
            "late": b"".join(rows.late),
            "log_index": fixed("H", rows.index),
        }

    def _sparse(self, fields: Iterable[Field], gaps: Gaps, parts: list[Any]) -> dict[str, bytes]:
        return {field.name: self._column(field, gaps, map(field.value, parts)) for field in fields}

    def _column(self, field: Field, gaps: Gaps, values: Iterable[Any]) -> bytes:
        if field.kind == "str":
            return gaps.strings(values, self._pieces)
        if field.kind == "lc":
            return gaps.low_cardinality(values, self._pieces)
        return gaps.fixed(field.kind, values)

    def _items(self, rows: Rows) -> dict[str, bytes]:
        found = [(place, event.items) for place, event in enumerate(rows.events) if event.items]
        gaps = Gaps([place for place, _ in found], len(rows.events))
        ends = offsets(gaps, [len(items) for _, items in found])
        items = [item for _, those in found for item in those]
        out = {}
        for field in _ITEMS:
            values = map(field.value, items)
            data = strings(values, self._pieces) if field.kind == "str" else fixed(field.kind, values)
            out[field.name] = ends + data
        return out

    def _props(self, rows: Rows) -> bytes:
        found = [(place, event.props) for place, event in enumerate(rows.events) if event.props]
        gaps = Gaps([place for place, _ in found], len(rows.events))
        keys = [key for _, props in found for key in props]
        values = [prop_text(value) for _, props in found for value in props.values()]
        return map_column(gaps, [len(props) for _, props in found], keys, values, self._pieces)
