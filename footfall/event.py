"""The event: the one schema that wire, log, tables and SDK types derive from.

A browser or server sends a `Batch` of `Event` as JSON. The gateway checks it with
`decode_batch` and writes it to the log inside a `footfall.record.Record`. Adding a
field is described in ARCHITECTURE.md ("Add an event field"); fields are only ever
added, never renamed or given another meaning.

Times are UTC milliseconds since 1970.
"""

from __future__ import annotations

import uuid
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from footfall.names import EventName

MAX_BATCH_EVENTS = 500
MAX_BATCH_BYTES = 1024 * 1024
MAX_PROPS = 64
MAX_PROP_BYTES = 1024
MAX_NAME_CHARS = 64
MAX_URL_CHARS = 2048
MAX_ITEMS = 100

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARS)]
Url = Annotated[str, Meta(max_length=MAX_URL_CHARS)]
Short = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=512)]
Long = Annotated[str, Meta(max_length=MAX_PROP_BYTES)]
Millis = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Duration = Annotated[int, Meta(ge=0, le=86_400_000)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Pixels = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
Money = Annotated[float, Meta(ge=-1e12, le=1e12)]
Currency = Annotated[str, Meta(max_length=3)]
PropValue = (
    Annotated[str, Meta(max_length=MAX_PROP_BYTES)]
    | Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    | float
    | bool
    | None
)
Props = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=MAX_NAME_CHARS)], PropValue],
    Meta(max_length=MAX_PROPS),
]


class Element(Struct, omit_defaults=True, gc=False):
    """What was clicked: never a value somebody typed."""

    tag: Short = ""
    id: Text = ""
    role: Short = ""
    text: Text = ""
    selector: Long = ""
    href: Url = ""
    x: Pixels = 0  # of the page
    y: Pixels = 0


class Form(Struct, omit_defaults=True, gc=False):
    """A form and, for field events, the field: names only."""

    id: Text = ""
    name: Text = ""
    field: Text = ""
    message: Text = ""  # of a validation error


class Item(Struct, omit_defaults=True, gc=False):
    """A product, with GA4's item fields."""

    item_id: Text = ""
    item_name: Text = ""
    item_category: Text = ""
    item_brand: Text = ""
    price: Money = 0.0
    quantity: Count = 1


class Order(Struct, omit_defaults=True, gc=False):
    """Cart, checkout step or purchase."""

    order_id: Text = ""
    step: Short = ""
    revenue: Money = 0.0
    tax: Money = 0.0
    shipping: Money = 0.0
    currency: Currency = ""
    coupon: Short = ""


class Search(Struct, omit_defaults=True, gc=False):
    """A search on the site."""

    term: Text = ""
    results: Count = 0


class Vital(Struct, omit_defaults=True, gc=False):
    """A web vital or timing: milliseconds, except CLS which has no unit."""

    name: Short = ""
    value: Annotated[float, Meta(ge=0, le=1e9)] = 0.0


class Failure(Struct, omit_defaults=True, gc=False):
    """An error in the page."""

    message: Long = ""
    source: Url = ""
    line: Count = 0
    column: Count = 0
    stack: Annotated[str, Meta(max_length=8192)] = ""


class Request(Struct, omit_defaults=True, gc=False):
    """One HTTP request, as an access log knows it."""

    method: Short = ""
    status: Annotated[int, Meta(ge=0, le=999)] = 0
    bytes: Annotated[int, Meta(ge=0, le=2**53)] = 0
    duration_ms: Duration = 0


class Event(Struct, omit_defaults=True, gc=False):
    """One thing that happened, as it comes in.

    `occurred_at` is the client's clock (0: the time of receipt). Only a server key may
    set `visitor_id`, `user_id` on other events than identify, and an absolute time.
    """

    name: Name
    event_id: uuid.UUID | None = None
    occurred_at: Millis = 0
    url: Url = ""
    referrer: Url = ""
    title: Text = ""
    session_id: Short = ""  # the SDK's own: a hint
    visitor_id: Short = ""
    user_id: Annotated[str, Meta(max_length=256)] = ""
    engaged_ms: Duration = 0
    scroll_depth: Annotated[int, Meta(ge=0, le=100)] = 0
    element: Element | None = None
    form: Form | None = None
    items: Annotated[list[Item], Meta(max_length=MAX_ITEMS)] | None = None
    order: Order | None = None
    search: Search | None = None
    vital: Vital | None = None
    error: Failure | None = None
    request: Request | None = None
    props: Props = {}


class Batch(Struct, omit_defaults=True, gc=False):
    """What one request to `POST /v1/batch` carries: one visitor's events, unless a
    server key names a visitor on each event.

    `batch_id` and the event ids stay the same on every retry; `sent_at` is made anew.
    """

    events: Annotated[list[Event], Meta(min_length=1, max_length=MAX_BATCH_EVENTS)]
    batch_id: uuid.UUID | None = None
    sent_at: Millis = 0
    visitor_id: Short = ""
    user_id: Annotated[str, Meta(max_length=256)] = ""
    consent: Annotated[str, Meta(max_length=16)] = ""  # granted | denied | pending
    address: Annotated[str, Meta(max_length=45)] = ""  # server key only: the client's IP
    user_agent: Annotated[str, Meta(max_length=1024)] = ""  # server key only
    language: Annotated[str, Meta(max_length=35)] = ""
    viewport_width: Count = 0
    viewport_height: Count = 0
    screen_width: Count = 0
    screen_height: Count = 0
    sdk: Short = ""  # name/version
    lost: Count = 0  # events the sender had to drop since its last batch: too old, or its queue was full


# Which part a known event must carry; every other part is optional.
REQUIRED_PART: dict[str, str] = {
    EventName.PAGE_VIEW: "url",
    EventName.PATH_CHANGE: "url",
    EventName.CLICK: "element",
    EventName.FORM_START: "form",
    EventName.FORM_SUBMIT: "form",
    EventName.FORM_ERROR: "form",
    EventName.FIELD_FOCUS: "form",
    EventName.FIELD_BLUR: "form",
    EventName.PRODUCT_VIEW: "items",
    EventName.ADD_TO_CART: "items",
    EventName.REMOVE_FROM_CART: "items",
    EventName.CHECKOUT_STEP: "order",
    EventName.PURCHASE: "order",
    EventName.SEARCH: "search",
    EventName.WEB_VITAL: "vital",
    EventName.ERROR: "error",
    EventName.IDENTIFY: "user_id",
    EventName.REQUEST: "request",
}


def json_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of a batch; generated into docs/ and diffed in CI."""
    return msgspec.json.schema(Batch)
