"""kill -9 of any part under load: nothing acknowledged is lost, nothing counts twice, and all that is
said of visits follows from what was acknowledged."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.drill.checker import check_contents, check_sessions, goals_reached, raw_rows
from tests.drill.load import Load, Sent
from tests.drill.oracle import Row, Session, VisitorDay, split
from tests.drill.rollups import Wanted, check_rollups, wanted
from tests.drill.settle import settle
from tests.drill.stack import HOST, WINDOW_S, ZONE, Stack, wait_for
from tests.drill.tamper import wrong_line, wrong_session
from tests.drill.visitors import CURRENCY, Told
from tests.jobs.recount import MEASURES

PARTS = ("gateway", "flow", "store", "valkey", "jobs")


def drill(stack: Stack, order: Sequence[str], seed: int) -> Sent:
    """Kill the parts of a stack one after the other, under load; "flow+broker": both at once."""
    chance = random.Random(seed)
    load = Load(stack.settings.gateway_port, stack.public_id, HOST, seed=seed)
    load.start()
    for names in order:
        before = load.sent.batches
        wait_for("traffic", lambda b=before: load.sent.batches > b + chance.randint(5, 60), 60)  # type: ignore[misc]
        parts = names.split("+")
        if "flow" in parts:
            stack.wait_for_unsaved_rows()
        with ThreadPoolExecutor() as pool:
            list(pool.map(stack.kill, parts))
    sent = load.stop()
    assert sent.repeats > 0
    return sent


def some_order(parts: Sequence[str], rounds: int, seed: int) -> list[str]:
    """Every part before any comes again."""
    chance = random.Random(seed)
    return [part for _ in range(-(-rounds // len(parts))) for part in chance.sample(parts, len(parts))][:rounds]


class Drilled(NamedTuple):
    """A stack after five kills and all that came of them."""

    stack: Stack
    sent: Sent
    problems: list[str]
    seed: int


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drilled]:
    seed = random.randrange(2**31)
    with Stack(tmp_path_factory.mktemp("kill") / "data") as stack:
        sent = drill(stack, some_order(PARTS, 5, seed), seed)
        yield Drilled(stack, sent, settle(stack, sent.told), seed)


@pytest.mark.timeout(400)
def test_five_kills_lose_nothing_and_double_nothing(drilled: Drilled) -> None:
    assert drilled.problems == [], f"seed {drilled.seed}"


class Found(NamedTuple):
    """What the checker compares with."""

    client: Any
    rows: list[Row]
    sessions: list[Session]
    rollups: Wanted


@pytest.fixture(scope="module")
def found(drilled: Drilled) -> Iterator[Found]:
    client = drilled.stack.client()
    with drilled.stack.frozen("jobs"):  # or it would mend what is broken below
        rows = raw_rows(client, HOST)
        sessions = split(rows, WINDOW_S * 1000, goals_reached, CURRENCY)
        closed_before = time.time_ns() // 1_000_000 - 600_000
        yield Found(client, rows, sessions, wanted(rows, sessions, HOST, ZONE, closed_before))
    client.disconnect()


def test_the_traffic_varies_in_all_that_is_compared(found: Found) -> None:
    """Where every session says the same, a wrong one would not show."""
    same = {"hostname", "region", "city", "utm_term", "utm_content"}
    for name in set(Session._fields) - same:
        assert len({getattr(session, name) for session in found.sessions}) > 1, name


def test_the_checker_notices_a_wrong_event(drilled: Drilled, found: Found) -> None:
    assert check_contents(found.rows, drilled.sent.told) == []
    row = next(row for row in found.rows if row.device_type == "mobile")
    for name in Told._fields:
        other: dict[str, Any] = {name: "wrong" if isinstance(getattr(row, name), str) else 77}
        wrong = row._replace(**other)
        assert check_contents([wrong], drilled.sent.told) == [f"1 events have another {name} than was sent"]
    crawler = next(row for row in found.rows if row.bot)
    assert check_contents([crawler._replace(bot="")], drilled.sent.told) != []


def test_the_checker_notices_a_wrong_rollup(found: Found) -> None:
    assert check_rollups(found.client, found.rollups, HOST) == []
    for kind in ("hour", "day"):
        table = f"rollup_{kind}"
        for number, column in enumerate((*MEASURES, "visitors", "is_deleted")):
            # The oldest bucket is closed; of it a total, and then one of a dimension.
            oldest = f"bucket = (SELECT min(bucket) FROM {table}) AND dimension {'!=' if number % 2 else '='} ''"
            with wrong_line(found.client, table, HOST, oldest, column):
                problems = check_rollups(found.client, found.rollups, HOST)
                assert len(problems) == 1, (column, problems)
                assert f"closed {kind}s differ" in problems[0]
    assert check_rollups(found.client, found.rollups, HOST) == []


def test_the_checker_notices_a_wrong_day_of_a_visitor(found: Found) -> None:
    oldest = "day = (SELECT min(day) FROM visitor_days)"
    for column in (*VisitorDay._fields, "is_deleted"):
        with wrong_line(found.client, "visitor_days", HOST, oldest, column):
            problems = check_rollups(found.client, found.rollups, HOST)
            assert len(problems) == 1, (column, problems)
            assert "closed days of visitors differ" in problems[0]
    assert check_rollups(found.client, found.rollups, HOST) == []


def test_the_checker_notices_a_wrong_session(found: Found) -> None:
    """Last: what is broken here stays so."""
    assert check_sessions(found.client, found.sessions, HOST) == []
    keys = ("visitor_id", "start_at")
    for place, column in enumerate(name for name in Session._fields if name not in keys):
        wrong_session(found.client, HOST, place, column)
        problems = check_sessions(found.client, found.sessions, HOST)
        assert any(f"1 of {len(found.sessions)} sessions differ in {column}, " in text for text in problems), (
            column
        )
    for place, column in enumerate(keys):
        wrong_session(found.client, HOST, len(Session._fields) + place, column)
        problems = check_sessions(found.client, found.sessions, HOST)
        assert any("sessions differ: " in text and "too many" in text for text in problems), (column, problems)


@pytest.mark.drill
@pytest.mark.timeout(1800)
def test_twenty_kills(tmp_path: Path) -> None:
    seed = random.randrange(2**31)
    with Stack(tmp_path / "data") as stack:
        sent = drill(stack, some_order(PARTS, 20, seed), seed)
        assert settle(stack, sent.told) == [], f"seed {seed}"
