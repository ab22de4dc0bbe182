"""What may be asked for in the query string of `/micro/good`, `/micro/bad` and `/micro/wait`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ingest_gateway.answers import RefusedError
from micro.journal import MAX_KEPT, Entry

MAX_WAIT_S = 60.0


class Question(msgspec.Struct, frozen=True):
    """Which events, and how many of them."""

    name: str = ""
    site: str = ""
    match: Any = None  # see `matches`
    after: int = 0  # only those with a higher `seq`
    limit: int = 1000
    count: int = 1
    timeout: float = 10.0

    def of(self, entries: Iterable[Entry]) -> list[Entry]:
        """Those it asks for, in order."""
        return [entry for entry in entries if self._asks_for(entry)]

    def _asks_for(self, entry: Entry) -> bool:
        return (
            entry["seq"] > self.after
            and (not self.name or entry["name"] == self.name)
            and (not self.site or entry["site"] == self.site)
            and (self.match is None or matches(self.match, entry))
        )

    def told(self) -> str:
        """In words."""
        parts = [f"`{self.name}`" if self.name else "of any name"]
        parts += [f"of site {self.site}"] if self.site else []
        parts += ["with what `match` names"] if self.match is not None else []
        return " ".join(parts)


def read_question(query: dict[str, str], allowed: frozenset[str]) -> Question:
    """`RefusedError` 400 for anything but the allowed fields with sensible values."""
    unknown = sorted(set(query) - allowed)
    if unknown:
        raise _refused(f"`{unknown[0][:64]}` is none of the parameters here: {', '.join(sorted(allowed))}")
    fields: dict[str, Any] = {name: query[name] for name in ("name", "site") if name in query}
    fields |= {name: _number(query, name, 0, 2**53) for name in ("after",) if name in query}
    fields |= {name: _number(query, name, 1, MAX_KEPT) for name in ("limit", "count") if name in query}
    if "timeout" in query:
        fields["timeout"] = _seconds(query["timeout"])
    if "match" in query:
        fields["match"] = _wanted(query["match"])
    return Question(**fields)


def matches(wanted: Any, found: Any) -> bool:
    """Whether `found` has all that `wanted` names: objects may have more fields, lists must be as long;
    null also matches what is not there."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(matches(one, found.get(name)) for name, one in wanted.items())
    if isinstance(wanted, list):
        same = isinstance(found, list) and len(found) == len(wanted)
        return same and all(map(matches, wanted, found))
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    return bool(wanted == found)


def _wanted(text: str) -> Any:
    try:
        wanted = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _refused(f"`match` is URL-encoded JSON, and this is none: {error}") from None
    if not isinstance(wanted, dict):
        raise _refused('`match` is a JSON object such as {"order": {"order_id": "A-1"}}')
    return wanted


def _number(query: dict[str, str], name: str, least: int, most: int) -> int:
    text = query[name]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1
    if not least <= number <= most:
        raise _refused(f"`{name}` is a number from {least} to {most}")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_S:
        raise _refused(f"`timeout` is in seconds, from 0 to {MAX_WAIT_S:g}")
    return seconds


def _refused(message: str) -> RefusedError:
    return RefusedError(400, "query", message)
