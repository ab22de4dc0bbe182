"""The columns of `events` that few events fill: which part of an event each comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from footfall.record import LogEvent

MONEY = 10_000  # the store counts in ten-thousandths


def money(amount: float) -> int:
    """Ten-thousandths, as the store counts."""
    return round(amount * MONEY)


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


TRAFFIC = (
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
Parts = Callable[[list[LogEvent]], Sequence[Any]]
# part of the event -> (the part of each event, falsy where it has none; the columns it
# fills). One comprehension for each: an attribute by its name is read twice as fast as
# through a getter.
PARTS: dict[str, tuple[Parts, tuple[Field, ...]]] = {
    "element": (
        lambda events: [event.element for event in events],
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
        lambda events: [event.form for event in events],
        (
            _field("form_id", "str", "id"),
            _field("form_name", "str", "name"),
            _field("form_field", "str", "field"),
            _field("form_message", "str", "message"),
        ),
    ),
    "order": (
        lambda events: [event.order for event in events],
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
        lambda events: [event.search for event in events],
        (_field("search_term", "str", "term"), _field("search_results", "I", "results")),
    ),
    "vital": (
        lambda events: [event.vital for event in events],
        (_field("vital_name", "lc", "name"), _field("vital_value", "d", "value")),
    ),
    "error": (
        lambda events: [event.error for event in events],
        (
            _field("error_message", "str", "message"),
            _field("error_source", "str", "source"),
            _field("error_line", "I", "line"),
            _field("error_column", "I", "column"),
            _field("error_stack", "str", "stack"),
        ),
    ),
    "request": (
        lambda events: [event.request for event in events],
        (
            _field("method", "lc", "method"),
            _field("status", "H", "status"),
            _field("response_bytes", "Q", "bytes"),
            _field("duration_ms", "I", "duration_ms"),
        ),
    ),
    "user_id": (
        lambda events: [event.user_id for event in events],
        (Field("user_id", "str", str),),
    ),
}
ITEMS = (
    _field("item_ids", "str", "item_id"),
    _field("item_names", "str", "item_name"),
    _field("item_categories", "str", "item_category"),
    _field("item_brands", "str", "item_brand"),
    Field("item_prices", "q", lambda item: money(item.price)),
    _field("item_quantities", "I", "quantity"),
)
