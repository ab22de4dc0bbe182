"""Whether a JSON schema still takes everything that an older one took.

It compares structure and knows the keywords that docs/event.schema.json uses; one that it does not know is a
finding, so that nothing passes because nobody looked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
SAME = ("format", "pattern")  # may go, but not come or change
TOLD = ("title", "description", "default", "$defs")
KNOWN = {
    *UPPER, *LOWER, *SAME, *TOLD, "$ref", "anyOf", "type", "enum", "const", "required", "properties", "items",
    "additionalProperties", "propertyNames",
}  # fmt: skip


def refused(old: Schema, new: Schema) -> list[str]:
    """Where, and in what, `new` takes less than `old`; empty: it takes all of it."""
    return list(_Comparison(old, new).differ(old, new, "$"))


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str]] = set()  # schemas may hold themselves

    def differ(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair):
            if pair in self._seen:
                return
            self._seen.add(pair)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        yield from (f"{at}: the checker does not know {name!r}" for name in sorted(set(new) - KNOWN))
        if "anyOf" in old or "anyOf" in new:
            yield from self._alternatives(old, new, at)
            return
        yield from _values(old, new, at)
        yield from _limits(old, new, at)
        yield from self._parts(old, new, at)

    def _alternatives(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        choices = new.get("anyOf", [new])
        for one in old.get("anyOf", [old]):
            found = [list(_Comparison(self._old, self._new).differ(one, choice, at)) for choice in choices]
            yield from min(found, key=len)

    def _parts(self, old: Schema, new: Schema, at: str) -> Iterator[str]:
        """What is inside of objects and arrays."""
        yield from (
            f"{at}.{name} is required now"
            for name in new.get("required", ())
            if name not in old.get("required", ())
        )
        before, now = old.get("properties", {}), new.get("properties", {})
        yield from (f"{at}.{name} is gone" for name in before if name not in now)
        for name in before.keys() & now.keys():
            yield from self.differ(before[name], now[name], f"{at}.{name}")
        for name in ("items", "additionalProperties", "propertyNames"):
            yield from self._inner(old.get(name, True), new.get(name, True), f"{at}.{name}")

    def _inner(self, old: Schema | bool, new: Schema | bool, at: str) -> Iterator[str]:
        if new is True or old is False:
            return
        if new is False:
            yield f"{at}: nothing is taken now"
        else:
            yield from self.differ({} if old is True else old, new, at)


def _resolved(schema: Schema, root: Schema) -> Schema:
    """What a reference means, with what stands beside it."""
    while "$ref" in schema:
        beside = {name: value for name, value in schema.items() if name not in ("$ref", "$defs")}
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]] | beside
    return schema


def _values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    """Types, and lists of what is allowed."""
    lost = _types(old) - _types(new)
    if "integer" in lost and "number" in _types(new):
        lost.discard("integer")
    if lost:
        yield f"{at}: no {', '.join(sorted(lost))} now"
    allowed, before = _allowed(new), _allowed(old)
    if allowed is not None and (before is None or any(value not in allowed for value in before)):
        yield f"{at}: only {allowed} now"


def _types(schema: Schema) -> set[str]:
    named = schema.get("type", ["string", "number", "integer", "boolean", "null", "object", "array"])
    return {named} if isinstance(named, str) else set(named)


def _allowed(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _limits(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for name in UPPER:
        if name in new and (name not in old or new[name] < old[name]):
            yield f"{at}: {name} {new[name]}, was {old.get(name, 'without')}"
    for name in LOWER:
        if name in new and (name not in old or new[name] > old[name]):
            yield f"{at}: {name} {new[name]}, was {old.get(name, 'without')}"
    for name in SAME:
        if name in new and new[name] != old.get(name):
            yield f"{at}: {name} {new[name]!r}, was {old.get(name)!r}"
