"""Statements that the store answers itself, or completes, instead of the engine alone."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from .context import Store
from .engine import Session, quote
from .errors import StoreError
from .packets import empty_block
from .result import unescape
from .running import RunningQuery
from .session import UserSession
from .sql import InsertStatement, KillStatement
from .wire import pack_string, pack_varint

_PROCESSES = re.compile(r"\b(FROM|JOIN)\s+`?system`?\s*\.\s*`?processes`?(?![\w.(`])", re.IGNORECASE)
_NO_SUCH_COLUMN = 16


def insert_columns(session: Session, insert: InsertStatement) -> list[tuple[str, str]]:
    """Names and types of the columns an INSERT expects. Raises StoreError for an unknown table or column."""
    rows = session.rows(f"DESCRIBE TABLE {insert.table}")
    if insert.columns is None and insert.head.endswith(")"):  # something like (* EXCEPT (a))
        chosen = insert.head[insert.head.index("(") + 1 : -1]
        rows = session.rows(f"DESCRIBE (SELECT {chosen} FROM {insert.table})")  # noqa: S608 - parts of the user's own text
    kinds = {unescape(row[0]): (unescape(row[1]), row[2]) for row in rows}
    if insert.columns is None:
        return [
            (name, kind) for name, (kind, default) in kinds.items() if default not in ("MATERIALIZED", "ALIAS")
        ]
    for name in insert.columns:
        if name not in kinds:
            text = f"No such column {name} in table {insert.table} (NO_SUCH_COLUMN_IN_TABLE)"
            raise StoreError(_NO_SUCH_COLUMN, text)
    return [(name, kinds[name][0]) for name in insert.columns]


def kill_in_engine(store: Store, tag: str) -> None:
    """Ask the engine to end the query marked with `tag`; returns at once."""
    session = store.engine.session()
    try:
        session.query(f"KILL QUERY WHERE Settings['log_comment'] = {quote(tag)} ASYNC")
    finally:
        session.close()


def kill_rows(store: Store, kill: KillStatement, asking: RunningQuery) -> list[tuple[str, str, str, str]]:
    """Answer KILL QUERY from the store's own table; returns (status, query id, user, query) of what was ended.

    When it returns, none of the matching queries runs, and each INSERT among them is wholly in or wholly out.
    """

    def matches(query: RunningQuery) -> bool:
        return query is not asking and kill.pattern.fullmatch(query.query_id) is not None

    if kill.test:
        victims = [query for query in store.running.all() if matches(query)]
    else:
        victims = store.running.kill(matches, store.limits.kill_timeout)
    status = "unknown_status" if kill.test else "finished"
    return [(status, query.query_id, query.user, query.sql) for query in victims]


def kill_block(store: Store, kill: KillStatement, asking: RunningQuery) -> bytes:
    """`kill_rows` as a Native block."""
    return _string_block(("kill_status", "query_id", "user", "query"), kill_rows(store, kill, asking))


def _string_block(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> bytes:
    if not rows:
        return empty_block([(name, "String") for name in names])
    out = pack_varint(len(names)) + pack_varint(len(rows))
    for at, name in enumerate(names):
        out += pack_string(name) + pack_string("String") + b"".join(pack_string(row[at]) for row in rows)
    return out


def statement_for_engine(session: UserSession, sql: str) -> str:
    """Put the store's own table of queries in the place of `system.processes`, whose ids the engine makes up."""
    if "processes" not in sql:
        return sql
    return _PROCESSES.sub(lambda match: f"{match.group(1)} {_processes(session)}", sql)


def _processes(session: UserSession) -> str:
    now = time.monotonic()
    rows = [
        f"({quote(q.query_id)}, {quote(q.user)}, {quote(q.sql[:1000])}, {now - q.started:.6f}, {int(q.cancelled)})"
        for q in session.store.running.all()
        if q.user == session.user.name or not session.user.read_only
    ]
    columns = "query_id String, user String, query String, elapsed Float64, is_cancelled UInt8"
    return f"(SELECT * FROM values({quote(columns)}, {', '.join(rows)}))"  # noqa: S608 - quoted above
