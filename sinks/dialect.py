"""How a statement of `sinks/ddl` is spelt for the server at hand.

The files are written once, for a single server; they are never edited, so what servers of other
versions and clusters need is put in here, as a statement is run.
"""

from __future__ import annotations

import re

_TEXT = r"'(?:[^'\\]|\\.|'')*'"
_CODEC = r"CODEC\((?:[^()]|\([^()]*\))*\)"
_CODEC_FIRST = re.compile(rf"({_CODEC}) (COMMENT {_TEXT})")
_NAME = r"(\w+)\.(\w+)"
_HEAD = re.compile(
    rf"(CREATE TABLE IF NOT EXISTS|CREATE VIEW IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE) {_NAME}"
)
_ENGINE = re.compile(r"\bENGINE = (\w*MergeTree)(?:\(([^)]*)\))?")
# A replica syncs to disk what it fetches from another one too, as the one that took the insert does.
_FETCHED = "min_compressed_bytes_to_fsync_after_fetch = 1"


class DialectError(Exception):
    """A statement that this module does not know how to spell."""


def for_server(statement: str, cluster: str = "") -> str:
    """The statement as every server from 24.8 on takes it; with `cluster`, for all its replicas.

    Raises `DialectError` for what cannot be spread over a cluster.
    """
    spelt = _CODEC_FIRST.sub(r"\2 \1", statement)  # before 25.x a comment comes before the codec
    return on_cluster(spelt, cluster) if cluster else spelt


def on_cluster(statement: str, cluster: str) -> str:
    """The statement for every replica of a cluster, its table a replicated one.

    The path in Keeper has the names of database and table in it: a replica that is added, or made
    anew, finds the others by running the same statement.
    """
    head = _HEAD.match(statement)
    if head is None:
        raise DialectError(f"cannot be run on a cluster: {statement.splitlines()[0]}")
    spread = f"{head[0]} {clause(cluster)}{statement[head.end() :]}"
    if not head[1].startswith("CREATE TABLE"):
        return spread
    path = f"'/clickhouse/tables/{{shard}}/{head[2]}/{head[3]}', '{{replica}}'"
    spread, engines = _ENGINE.subn(
        lambda engine: f"ENGINE = Replicated{engine[1]}({path}{', ' + engine[2] if engine[2] else ''})",
        spread,
        count=1,
    )
    if not engines:
        raise DialectError(f"this table cannot be replicated: {statement.splitlines()[0]}")
    return _with_setting(spread)


def _with_setting(statement: str) -> str:
    before, found, after = statement.partition("\nSETTINGS ")
    if not found:
        raise DialectError(f"a table needs settings to be replicated: {statement.splitlines()[0]}")
    return f"{before}\nSETTINGS {_FETCHED}, {after}"


def clause(cluster: str) -> str:
    """`ON CLUSTER 'name'`; empty without a cluster. The settings check the name."""
    return f"ON CLUSTER '{cluster}'" if cluster else ""
