"""Every measure: its header tells what it answers, and its parameters cannot become SQL."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from queries.catalogue import measures
from queries.measure import Measure, MeasureError, parse
from queries.store import Store, StoreFailedError, Value, written
from queries.traffic import RANGE, ask

HEADER = "-- title: T\n-- about: A\n-- reads: events_v1\n-- column n: events: how many\n"
GIVEN: dict[str, Value] = {
    "site": "berlin.example",
    "zone": "Europe/Berlin",
    "start": datetime(2026, 10, 20, tzinfo=UTC),
    "end": datetime(2026, 10, 29, tzinfo=UTC),
    "rolled": "true",
    "step": "day",
    "dimension": "page",
    "limit": 10,
}
EVIL = [
    "' OR 1=1 --",
    "\\",
    "\\'",
    "a\tb\nc",
    "{site:String}",
    "ü💥",
    "x" * 2_000,
    "%(site)s",
    "'; DROP TABLE events",
]


@pytest.mark.parametrize("measure", measures().values(), ids=lambda measure: measure.name)
class TestEach:
    def test_the_answer_has_the_columns_that_the_header_tells(self, measure: Measure, asked: Store) -> None:
        answer = ask(asked, measure, GIVEN)
        assert answer.columns == tuple(column.name for column in measure.columns)
        assert answer.rows

    def test_it_reads_what_the_header_tells(self, measure: Measure) -> None:
        read = re.findall(r"\bFROM (\w+)", measure.sql)
        assert sorted(set(read) - {"numbers"}) == sorted(measure.reads)

    @pytest.mark.parametrize("evil", EVIL)
    def test_texts_stay_texts(self, measure: Measure, asked: Store, evil: str) -> None:
        for name in ("site", "dimension", "step"):
            if name in measure.parameters:
                ask(asked, measure, GIVEN | {name: evil})
        nobody = ask(asked, measure, GIVEN | {"site": evil})
        if measure.name != RANGE:  # which has moments for a site of which nothing is rolled up, too
            assert not any(value for row in nobody.rows for value in row)

    def test_a_zone_that_is_none_is_an_error_of_the_store(self, measure: Measure, asked: Store) -> None:
        with pytest.raises(StoreFailedError, match="Mars"):
            ask(asked, measure, GIVEN | {"zone": "Mars/Olympus"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SELECT 1", "title, about, reads"),
        (HEADER.replace("-- column n: events: how many\n", ""), "lacks columns"),
        (HEADER.replace(": how many", ""), "a unit and a meaning of n"),
        (HEADER + "SELECT {{none}}", "there is no none.part.sql"),
        (HEADER + "SELECT {a:String}, {a:UInt8}", "a has two types"),
    ],
)
def test_a_file_that_is_no_measure_says_why(text: str, told: str) -> None:
    with pytest.raises(MeasureError, match=re.escape(told)):
        parse("x", text, {})


def test_values_are_written_as_the_store_reads_them() -> None:
    assert written("a\t\\'\n") == "a\\t\\\\'\\n"
    assert written(datetime(2026, 10, 20, 1, 2, 3, 4_000, tzinfo=UTC)) == "2026-10-20 01:02:03.004"
    assert written(7) == "7"


def test_a_store_that_is_away_is_said() -> None:
    with (
        Store("http://127.0.0.1:9", "reader", "", "none") as away,
        pytest.raises(StoreFailedError, match="the store does not answer"),
    ):
        ask(away, measures()["traffic_summary"], GIVEN)
