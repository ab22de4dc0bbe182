"""The SQL of docs/production.md is SQL: the engine parses it (it has no users to grant anything to)."""

from __future__ import annotations

import re
from pathlib import Path

from clickhouse_driver import Client

from sinks.migrate import statements

PAGE = Path(__file__).parents[2] / "docs" / "production.md"


def test_its_statements_are_parsed(client: Client) -> None:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    found = [statement for block in blocks for statement in statements(block, "d")]
    assert len([statement for statement in found if statement.startswith("GRANT")]) >= 8
    for statement in found:
        client.execute(f"EXPLAIN AST {statement}")
