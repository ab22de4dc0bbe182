"""docs/tables.md says what the tables are."""

from __future__ import annotations

from pathlib import Path

from clickhouse_driver import Client

from sinks.describe import tables

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_generated_anew() -> None:
    assert PAGE.read_text() == tables(), "run `make generate`"


def test_the_page_has_every_column_of_every_view(client: Client, database: str) -> None:
    rows = client.execute(
        "SELECT table, name, type, comment FROM system.columns WHERE database = %(d)s AND table LIKE '%%_v1'",
        {"d": database},
    )
    sections = {part.splitlines()[0]: part.splitlines() for part in tables().split("\n## ")}
    assert len(rows) > 150
    missing = [
        (table, name)
        for table, name, kind, comment in rows
        if f"| {name} | {kind} | {comment} |" not in sections[table]
    ]
    assert missing == []


def test_its_example_queries_run(client: Client, database: str) -> None:
    code = tables().split("```sql")[1].split("```")[0]
    queries = [query for query in code.replace("footfall_prod", database).split(";") if query.strip()]
    assert len(queries) == 2
    for query in queries:
        assert client.execute(query) == []
