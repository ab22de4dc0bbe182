"""A measure: its SQL, and what the header of its file says about it.

    -- title: Visitors, sessions and what they did
    -- about: one row for the range
    -- reads: rollup_day_v1, rollup_hour_v1, rollup_state, events_v1, sessions_v1
    -- column visitors: people: each once in the range
    -- include: traffic

A column has a unit and a meaning. What a file includes is another one (`*.part.sql`), put where `{{name}}` stands.
Parameters are ClickHouse's own, `{name:Type}`: a server, never text, puts values in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

_HEADER = re.compile(r"^-- (title|about|reads|column \w+): (.+)$")
_PARAMETER = re.compile(r"\{(\w+):([^{}]+)\}")
_INCLUDE = re.compile(r"\{\{(\w+)\}\}")


class Column(Struct, frozen=True):
    """One column of the answer."""

    name: str
    unit: str
    meaning: str


class Measure(Struct, frozen=True):
    """What is asked, and how. `parameters`: ClickHouse types by name."""

    name: str
    title: str
    about: str
    reads: tuple[str, ...]
    columns: tuple[Column, ...]
    parameters: Mapping[str, str]
    sql: str


class MeasureError(Exception):
    """A file that is no measure; the text says why."""


def parse(name: str, text: str, parts: Mapping[str, str]) -> Measure:
    """The measure in a file; raises `MeasureError`. `parts`: what it may include, by name."""
    said: dict[str, str] = {}
    columns = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        if found := _HEADER.match(line):
            key, value = found.groups()
            if key.startswith("column "):
                unit, _, meaning = value.partition(": ")
                columns.append(Column(key.removeprefix("column "), unit, meaning))
            else:
                said[key] = value
    missing = [key for key in ("title", "about", "reads") if not said.get(key)]
    missing += [f"a unit and a meaning of {column.name}" for column in columns if not column.meaning]
    if missing or not columns:
        raise MeasureError(f"{name}.sql: its header lacks {', '.join(missing) or 'columns'}")
    sql = _included(name, text, parts)
    parameters: dict[str, str] = {}
    for parameter, kind in _PARAMETER.findall(sql):
        if parameters.setdefault(parameter, kind) != kind:
            raise MeasureError(f"{name}.sql: {parameter} has two types")
    reads = tuple(table.strip() for table in said["reads"].split(","))
    return Measure(name, said["title"], said["about"], reads, tuple(columns), parameters, sql)


def _included(name: str, text: str, parts: Mapping[str, str]) -> str:
    def part(found: re.Match[str]) -> str:
        if found[1] not in parts:
            raise MeasureError(f"{name}.sql includes {found[1]}, and there is no {found[1]}.part.sql")
        return parts[found[1]].rstrip()

    return _INCLUDE.sub(part, text)
