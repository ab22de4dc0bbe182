"""Something that is wrong, and how to mend it: `status` and `doctor` say the same."""

from __future__ import annotations

from msgspec import Struct


class Trouble(Struct, frozen=True):
    """`grave`: status is NOT OK for it."""

    what: str  # as doctor groups it
    found: str
    mend: str
    grave: bool = True
