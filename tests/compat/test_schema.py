"""docs/event.schema.json takes everything that the previous release's took, and the checker sees what does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from footfall.event import json_schema
from tests.compat.schema import Schema, refused

PREVIOUS = json.loads((Path(__file__).parent / "0.1.0" / "event.schema.json").read_text())
SELF: Schema = {
    "$ref": "#/$defs/Tree",
    "$defs": {"Tree": {"type": "object", "properties": {"more": {"$ref": "#/$defs/Tree"}}}},
}


def test_what_the_previous_release_took_is_taken() -> None:
    assert refused(PREVIOUS, json_schema()) == []


def changed(change: Callable[[Any], object]) -> list[str]:
    new = copy.deepcopy(PREVIOUS)
    change(new["$defs"])
    return refused(PREVIOUS, new)


def fields(defs: Any, name: str = "Event") -> Any:
    return defs[name]["properties"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda d: fields(d).pop("title"), "title is gone"),
        (lambda d: d["Event"].update(required=[*d["Event"]["required"], "url"]), "url is required now"),
        (lambda d: fields(d)["url"].update(maxLength=100), "maxLength 100, was"),
        (lambda d: fields(d)["engaged_ms"].update(minimum=5), "minimum 5, was 0"),
        (lambda d: fields(d)["engaged_ms"].update(type="string"), "no integer now"),
        (lambda d: fields(d)["title"].update(enum=["a"]), "only ['a'] now"),
        (lambda d: fields(d)["title"].update(pattern="^a"), "pattern '^a', was None"),
        (lambda d: fields(d)["title"].update(oneOf=[]), "does not know 'oneOf'"),
        (lambda d: fields(d, "Batch")["events"].update(maxItems=400), "maxItems 400, was 500"),
        (lambda d: fields(d, "Batch")["batch_id"].update(anyOf=[{"type": "null"}]), "no string now"),
        (lambda d: fields(d)["props"].update(additionalProperties=False), "nothing is taken now"),
        (lambda d: d["Batch"].update(additionalProperties=False), "nothing is taken now"),
        (lambda d: fields(d, "Item").pop("item_id"), "item_id is gone"),
    ],
)
def test_what_takes_less_is_found(change: Callable[[Any], object], found: str) -> None:
    problems = changed(change)
    assert len(problems) == 1, problems
    assert found in problems[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda d: fields(d).update(added={"type": "string", "default": ""}),
        lambda d: d["Event"].update(required=[]),
        lambda d: fields(d)["url"].update(maxLength=10_000),
        lambda d: fields(d)["engaged_ms"].update(type="number"),
        lambda d: fields(d)["title"].pop("maxLength"),
        lambda d: fields(d, "Batch")["batch_id"]["anyOf"].append({"type": "integer"}),
        lambda d: fields(d)["title"].update(description="Said in other words."),
        lambda d: fields(d)["title"].update(anyOf=[{"type": "null"}, dict(fields(d)["title"])]),
    ],
)
def test_what_takes_more_is_none(change: Callable[[Any], object]) -> None:
    assert changed(change) == []


def test_lists_of_values_may_only_grow() -> None:
    assert refused({"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}) == []
    assert refused({"enum": ["a", "b"]}, {"enum": ["a", "c"]})
    assert refused({"const": "a"}, {"enum": ["a", "b"]}) == []
    assert refused({"type": ["string", "null"]}, {"type": "string"}) == ["$: no null now"]


def test_a_schema_that_holds_itself_ends() -> None:
    assert refused(SELF, copy.deepcopy(SELF)) == []
