"""What a check says."""

from __future__ import annotations

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One thing that was looked at. `state`: ok, warn (works, but) or bad."""

    what: str
    state: str
    found: str
    mend: str = ""


def ok(what: str, found: str) -> list[Finding]:
    """Nothing to do."""
    return [Finding(what, "ok", found)]


def warn(what: str, found: str, mend: str) -> list[Finding]:
    """It works, but."""
    return [Finding(what, "warn", found, mend)]


def bad(what: str, found: str, mend: str) -> list[Finding]:
    """It does not work."""
    return [Finding(what, "bad", found, mend)]
