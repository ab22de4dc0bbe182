"""What people give, checked before anything is written."""

from __future__ import annotations

import zoneinfo
from functools import cache

from control.errors import ControlError

# Names a machine's zone files may hold that are no place: this machine's own zone, whatever
# that is; leap seconds counted; a machine nobody has set up.
_NO_PLACES = {"localtime", "posixrules", "Factory"}
_OTHER_CLOCKS = ("right/", "posix/")


def check_number(what: str, value: float, lowest: float, highest: float, unit: str) -> float:
    """A number in its range; `ControlError` otherwise, for NaN and infinities too."""
    if not lowest <= value <= highest:
        raise ControlError(f"{what} is from {lowest:,g} to {highest:,g} {unit}, not {value:g}")
    return value


def check_text(what: str, value: str, most: int) -> str:
    """Text both back ends can hold: up to `most` bytes, and no code point a database refuses."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise ControlError(f"{what} is not Unicode text: {value!r}") from error
    if size > most or "\0" in value:
        raise ControlError(f"{what} has at most {most:,} bytes and no zero among them")
    return value


def check_timezone(name: str) -> str:
    """An IANA zone name; `ControlError` otherwise."""
    if name not in _timezones():
        raise ControlError(f"{name!r} is not a time zone: give an IANA name like Europe/Berlin")
    return name


@cache
def _timezones() -> frozenset[str]:
    names = zoneinfo.available_timezones() - _NO_PLACES
    return frozenset(name for name in names if not name.startswith(_OTHER_CLOCKS))
