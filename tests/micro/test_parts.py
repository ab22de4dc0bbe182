"""Parts of `footfall micro` that a process shows badly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cli.micro import parse_sites
from ingest_gateway.answers import RefusedError
from micro.copies import MAX_TEXT_CHARS, json_copy
from micro.journal import Journal, Kept
from micro.questions import Question, matches
from micro.waiting import Waiting


def test_what_is_kept_is_bounded_in_bytes_too() -> None:
    kept = Kept(limit=100, limit_bytes=1_000)
    for number in range(50):
        kept.add({"name": f"{number:0100}"})
    assert [entry["seq"] for entry in kept] == list(range(51 - len(kept), 51))
    assert 5 < len(kept) < 10
    assert kept.forgotten == 50 - len(kept)
    kept.add({"name": "x" * 5_000})
    assert len(kept) == 1


def test_whoever_waits_when_it_stops_is_told() -> None:
    async def stop_while_waiting() -> None:
        journal = Journal()
        waiting = asyncio.create_task(Waiting(journal).wait(Question(timeout=50)))
        await asyncio.sleep(0)  # it waits now
        journal.close()
        await asyncio.wait_for(waiting, 5)

    with pytest.raises(RefusedError, match="stopping"):
        asyncio.run(stop_while_waiting())


def test_a_reset_while_somebody_waits_takes_back_what_had_come() -> None:
    async def reset_while_waiting() -> int:
        journal = Journal()
        event = {"name": "a", "duplicate": False}
        journal.add_good([dict(event)])
        waiting = asyncio.create_task(Waiting(journal).wait(Question(count=2, timeout=0.2)))
        await asyncio.sleep(0)
        journal.reset()
        journal.add_good([dict(event)])
        return (await waiting)[0]

    assert asyncio.run(reset_while_waiting()) == 408


@pytest.mark.parametrize(
    ("wanted", "found", "fits"),
    [
        ({}, {"a": 1}, True),
        ({"a": 1}, {"a": 1.0, "b": 2}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": True}, {"a": 1}, False),
        ({"a": None}, {}, True),
        ({"a": None}, {"a": 0}, False),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 1, "d": 2}]}}, True),
        ({"a": [1]}, {"a": [1, 2]}, False),
        ({"a": {"b": 1}}, {"a": 1}, False),
        ({"a": "1"}, {"a": 1}, False),
    ],
)
def test_matching(wanted: Any, found: Any, fits: bool) -> None:
    assert matches(wanted, found) is fits


def test_a_copy_is_bounded_and_redacted() -> None:
    copied = json_copy(b'{"a": "%s", "b": [[[[[[1]]]]]], "joe@example.com": "203.0.113.77"}' % (b"x" * 9_000))
    assert len(copied["a"]) == MAX_TEXT_CHARS + 3
    assert copied["b"] == [[["..."]]]
    assert "joe" not in str(copied)
    assert "203.0.113.77" not in str(copied)
    assert json_copy(b"[" * 100_000).startswith("[[[")
    assert len(json_copy(b"[%s]" % b",".join([b"1"] * 9_000))) == 50


@pytest.mark.parametrize("text", ["pub_x", "shop=a.example", "pub_=a.example", "pub_x=", "pub_x=a b"])
def test_a_site_that_is_none_is_a_usage_error(text: str) -> None:
    from click import UsageError

    with pytest.raises(UsageError, match="--site"):
        parse_sites((text,))
