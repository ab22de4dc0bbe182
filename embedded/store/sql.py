"""The few things the store has to see in a statement's text before the engine parses it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import SYNTAX_ERROR, StoreError
from .types import split_arguments

_COMMENT = r"(?:--[^\n]*(?:\n|$)|#[! ][^\n]*(?:\n|$)|/\*.*?\*/)"
_LEADING = re.compile(rf"(?:\s|{_COMMENT})*", re.DOTALL)
_INSERT = re.compile(r"INSERT\s+INTO\s+(?:TABLE\s+)?(?!FUNCTION\b)", re.IGNORECASE)
_NAME = r"(?:`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\])*\"|[A-Za-z_][A-Za-z0-9_]*)"
_TABLE = re.compile(rf"({_NAME})(?:\s*\.\s*({_NAME}))?\s*")
_SETTINGS = re.compile(
    rf"SETTINGS\s+{_NAME}\s*=\s*(?:'(?:\\.|[^'\\])*'|[\w.+-]+)"
    rf"(?:\s*,\s*{_NAME}\s*=\s*(?:'(?:\\.|[^'\\])*'|[\w.+-]+))*\s*",
    re.IGNORECASE,
)
_DATA = re.compile(r"(?:FORMAT\s+(?P<format>[A-Za-z]\w*)|(?P<values>VALUES))?[ \t]*;?", re.IGNORECASE)
_FORMAT_TAIL = re.compile(r"\bFORMAT\s+([A-Za-z]\w*)\s*;?\s*$", re.IGNORECASE)
_UNQUOTE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class InsertStatement:
    """`INSERT INTO table (columns)` up to its data.

    `head` is the statement up to the columns, `settings` its SETTINGS clause; `columns` is None if none are named
    or they are no plain list; `data_format` is what FORMAT or VALUES names ("" without either); `inline` is the
    data in the text itself.
    """

    head: str
    settings: str
    table: str
    columns: tuple[str, ...] | None
    data_format: str
    inline: str


def skip_comments(sql: str) -> str:
    """The statement without leading blanks and comments."""
    match = _LEADING.match(sql)
    return sql[match.end() :] if match else sql


def parse_insert(sql: str) -> InsertStatement | None:
    """The parts of an INSERT that takes data; None for any other statement (INSERT ... SELECT included)."""
    sql = skip_comments(sql)
    start = _INSERT.match(sql)
    table = _TABLE.match(sql, start.end()) if start else None
    if table is None:
        return None
    at, columns = _columns(sql, table.end())
    head = sql[:at].rstrip()
    match = _SETTINGS.match(sql, at)
    settings = match.group(0).strip() if match else ""
    at = match.end() if match else at
    data = _DATA.match(sql, at)
    if data is None or (
        data.group("format") is None and data.group("values") is None and sql[data.end() :].strip()
    ):
        return None
    name = data.group("format") or ("Values" if data.group("values") else "")
    inline = sql[data.end() :].lstrip(" \t\r").removeprefix("\n")
    return InsertStatement(head, settings, table.group(0).strip(), columns, name, inline)


def _columns(sql: str, at: int) -> tuple[int, tuple[str, ...] | None]:
    if at >= len(sql) or sql[at] != "(":
        return at, None
    end = _closing(sql, at)
    names = split_arguments(sql[at + 1 : end])
    plain = all(re.fullmatch(rf"{_NAME}(?:\.{_NAME})*", name) for name in names)
    after = _LEADING.match(sql, end + 1)
    return after.end() if after else end + 1, tuple(map(unquote_name, names)) if plain else None


def _closing(sql: str, at: int) -> int:
    depth, quote, skip = 0, "", False
    for index in range(at, len(sql)):
        char = sql[index]
        if skip:
            skip = False
        elif quote:
            skip = char == "\\"
            quote = "" if char == quote else quote
        elif char in "`\"'":
            quote = char
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
            if not depth:
                return index
    raise StoreError(SYNTAX_ERROR, "Syntax error: unbalanced brackets in the column list. (SYNTAX_ERROR)")


def unquote_name(name: str) -> str:
    """An identifier without its quotes; the parts of a dotted one joined by dots."""
    parts = re.findall(_NAME, name)
    return ".".join(_UNQUOTE.sub(r"\1", p[1:-1]) if p[0] in '`"' else p for p in parts)


def split_format(sql: str) -> tuple[str, str]:
    """(statement, format): a trailing `FORMAT x` taken off, "" if there is none."""
    match = _FORMAT_TAIL.search(sql)
    if match is None:
        return sql.rstrip().removesuffix(";"), ""
    return sql[: match.start()].rstrip(), match.group(1)


_KILL = re.compile(
    r"KILL\s+QUERY\s+WHERE\s+query_id\s*(?P<op>=|LIKE|IN)\s*"
    r"(?:'(?P<one>(?:\\.|[^'\\])*)'|\((?P<many>(?:\s*'(?:\\.|[^'\\])*'\s*,?)+)\))\s*(?P<mode>SYNC|ASYNC|TEST)?\s*;?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class KillStatement:
    """`KILL QUERY WHERE query_id = | LIKE | IN ...`; `pattern` matches the ids meant."""

    pattern: re.Pattern[str]
    test: bool


def parse_kill(sql: str) -> KillStatement | None:
    """The parts of a KILL QUERY by id, None for anything else."""
    match = _KILL.match(skip_comments(sql))
    if match is None:
        return None
    if match.group("one") is not None:
        quoted = [match.group("one")]
    else:
        quoted = re.findall(r"'((?:\\.|[^'\\])*)'", match.group("many"))
    like = match.group("op").upper() == "LIKE"
    parts = [_like(text) if like else re.escape(_UNQUOTE.sub(r"\1", text)) for text in quoted]
    return KillStatement(re.compile("|".join(parts), re.DOTALL), (match.group("mode") or "").upper() == "TEST")


def _like(text: str) -> str:
    # One level of backslashes belongs to the literal, a second to LIKE: \\_ or, as ClickHouse also takes it, \_.
    out, escaped = [], False
    for char in text.replace("\\\\", "\\"):
        if escaped:
            out.append(re.escape(char))
            escaped = False
        elif char == "\\":
            escaped = True
        else:
            out.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    return "".join(out)
