"""Every closed set of names: event names, reject and drop reasons, id kinds, topics.

Reasons double as metric labels and ledger keys; docs/reasons.md lists them and a test
holds it to this module.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class EventName(StrEnum):
    """The names Footfall knows; any other name is a custom event."""

    PAGE_VIEW = "page_view"
    PAGE_LEAVE = "page_leave"
    PATH_CHANGE = "path_change"
    CLICK = "click"
    SCROLL = "scroll"
    FORM_START = "form_start"
    FORM_SUBMIT = "form_submit"
    FORM_ERROR = "form_error"
    FIELD_FOCUS = "field_focus"
    FIELD_BLUR = "field_blur"
    PRODUCT_VIEW = "product_view"
    ADD_TO_CART = "add_to_cart"
    REMOVE_FROM_CART = "remove_from_cart"
    CHECKOUT_STEP = "checkout_step"
    PURCHASE = "purchase"
    SEARCH = "search"
    WEB_VITAL = "web_vital"
    ERROR = "error"
    IDENTIFY = "identify"
    CONSENT = "consent"
    REQUEST = "request"
    CUSTOM = "custom"


# A page was shown: page_view by the browser, path_change inside a single-page app.
PAGE_EVENTS = frozenset({EventName.PAGE_VIEW.value, EventName.PATH_CHANGE.value})


class RejectReason(StrEnum):
    """Why the gateway refused one event of a readable request."""

    MALFORMED = "malformed"  # a field has the wrong type or range
    NAME = "name_invalid"  # missing, empty or longer than 64 characters
    URL = "url_too_long"
    PROPS = "too_many_props"
    PROP_SIZE = "prop_too_large"
    MISSING_PART = "missing_part"  # a known event without the part it must carry
    TOO_OLD = "too_old"  # older than 7 days on a live path
    NOT_ALLOWED = "not_allowed"  # a browser named a visitor, user, time or address


class DropReason(StrEnum):
    """Why the flow dropped an accepted event on purpose."""

    REFERRER_SPAM = "referrer_spam"
    FOREIGN_HOST = "foreign_host"  # the page's host is not one of the site's
    EXCLUDED = "excluded"  # a path or address the site asked not to count


class QuarantineReason(StrEnum):
    """Why something could not be processed; kept redacted, replayable."""

    UNDECODABLE = "undecodable_record"
    UNKNOWN_SITE = "unknown_site"
    STEP_FAILED = "step_failed"
    BAD_LINE = "malformed_line"


class LostReason(StrEnum):
    """Why an event never came; its sender tells."""

    SENDER_QUEUE = "sender_queue"  # older than 7 days, or over the bound of the sender's queue


class Outcome(StrEnum):
    """What became of an event: received = rejected + accepted;
    accepted = stored + duplicate + dropped + quarantined. Replayed ones were received before,
    lost ones never: they are in neither sum."""

    REJECTED = "rejected"
    ACCEPTED = "accepted"
    STORED = "stored"
    DUPLICATE = "duplicate"
    DROPPED = "dropped"
    QUARANTINED = "quarantined"
    REPLAYED = "replayed"
    LOST = "lost"


class IdKind(IntEnum):
    """How a visitor is known."""

    DAILY = 0
    CONSENTED = 1
    IDENTIFIED = 2
    SERVER = 3


class Consent(IntEnum):
    """What the visitor said; NONE: nobody asked."""

    NONE = 0
    PENDING = 1
    DENIED = 2
    GRANTED = 3


class Source(IntEnum):
    """Which door an event came through."""

    BROWSER = 0
    SERVER = 1
    IMPORT = 2
    REPLAY = 3


# Exit code of a part that ended in order, to be started again at once (EX_TEMPFAIL).
EXIT_AGAIN = 75

RAW_TOPIC = "raw"
OWNER_TOPIC = "owner"


def topic_name(stage: str, name: str, generation: int = 1) -> str:
    """`prod.raw`, `prod.raw.2`: every topic carries its stage, so that stages never mix."""
    return f"{stage}.{name}" if generation == 1 else f"{stage}.{name}.{generation}"


def database_name(stage: str) -> str:
    """The ClickHouse database of a stage, and the schema of its control plane on PostgreSQL."""
    return f"footfall_{stage}"


def redis_key(stage: str, *parts: str) -> str:
    """`footfall:prod:live:shop`: every Redis key carries its stage."""
    return ":".join(("footfall", stage, *parts))
