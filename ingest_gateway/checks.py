"""The checks of an event that its schema cannot express. The hot loop of the gateway."""

from __future__ import annotations

from operator import attrgetter

from footfall.event import MAX_PROP_BYTES, REQUIRED_PART, Event
from footfall.names import EventName, RejectReason

MAX_AGE_MS = 7 * 86_400_000
IDENTIFY = EventName.IDENTIFY.value

_required = {str(name): attrgetter(part) for name, part in REQUIRED_PART.items()}
_MISSING = RejectReason.MISSING_PART.value
_TOO_OLD = RejectReason.TOO_OLD.value
_NOT_ALLOWED = RejectReason.NOT_ALLOWED.value
_PROP_SIZE = RejectReason.PROP_SIZE.value
# A text of up to this many characters is within the limit in any script.
_SURELY_SMALL = MAX_PROP_BYTES // 4


def check_server(events: list[Event], oldest: int) -> list[tuple[int, str]]:
    """(place, reason) of the events to refuse. `oldest` is on the clock of `occurred_at`."""
    rejected = []
    for place, event in enumerate(events):
        part = _required.get(event.name)
        if part is not None and not part(event):
            rejected.append((place, _MISSING))
        elif event.occurred_at < oldest and event.occurred_at:
            rejected.append((place, _TOO_OLD))
        elif event.props and _prop_too_large(event):
            rejected.append((place, _PROP_SIZE))
    return rejected


def check_browser(
    events: list[Event], oldest: int, known: bool, clock: bool, named: bool
) -> list[tuple[int, str]]:
    """As `check_server`, for events of a browser, which may name no visitor and no user.

    `known`: consent is given, so that identify is allowed. `clock`: the batch says when it
    was sent; without that an event's time would be an absolute one. `named`: the batch
    names a user, an address or a user agent, so that none of its events is allowed.
    """
    rejected = []
    for place, event in enumerate(events):
        part = _required.get(event.name)
        if part is not None and not part(event):
            rejected.append((place, _MISSING))
        elif event.occurred_at and (event.occurred_at < oldest or not clock):
            rejected.append((place, _TOO_OLD if clock else _NOT_ALLOWED))
        elif named or event.visitor_id or ((event.user_id or event.name == IDENTIFY) and not _may(event, known)):
            rejected.append((place, _NOT_ALLOWED))
        elif event.props and _prop_too_large(event):
            rejected.append((place, _PROP_SIZE))
    return rejected


def _may(event: Event, known: bool) -> bool:
    return known and event.name == IDENTIFY


def _prop_too_large(event: Event) -> bool:
    for value in event.props.values():
        if type(value) is str and len(value) > _SURELY_SMALL and len(value.encode()) > MAX_PROP_BYTES:
            return True
    return False
