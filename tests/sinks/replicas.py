"""A cluster, as far as it can be had here: an engine whose configuration has one, without its queue of DDL.

ON CLUSTER, replicated tables and SYSTEM SYNC REPLICA are parsed by the engine; what is left of a statement without
them is run.
"""

from __future__ import annotations

import re
from typing import Any

from clickhouse_driver import Client

CONFIG = """<clickhouse>
    <macros><shard>01</shard><replica>one</replica><cluster>main</cluster></macros>
    <remote_servers>
        <main><shard>
            <replica><host>127.0.0.1</host><port>1</port></replica>
            <replica><host>127.0.0.2</host><port>1</port></replica>
        </shard></main>
        <wide>
            <shard><replica><host>127.0.0.1</host><port>1</port></replica></shard>
            <shard><replica><host>127.0.0.2</host><port>1</port></replica></shard>
        </wide>
    </remote_servers>
    {more}
</clickhouse>
"""
_ON_CLUSTER = re.compile(r" ON CLUSTER 'main'")
_REPLICATED = re.compile(r"Replicated(\w+)\('[^']*', '\{replica\}'(?:, )?")
# What a server answers for each replica: host, port, status, error, how many are left, how many active.
ANSWER = [("127.0.0.1", 1, 0, "", 1, 0), ("127.0.0.2", 1, None, "", 0, 0)]


class ClusterClient:
    """What is asked of a client, noted in `sent`."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sent: list[str] = []

    def execute(self, sql: str, *arguments: Any, **options: Any) -> Any:
        if "ON CLUSTER" not in sql and not sql.startswith("SYSTEM SYNC"):
            return self.client.execute(sql, *arguments, **options)
        self.sent.append(sql)
        self.client.execute(f"EXPLAIN AST {sql}", *arguments)
        if sql.startswith("SYSTEM SYNC"):
            return []
        alone = _REPLICATED.sub(r"\1(", _ON_CLUSTER.sub("", sql))
        self.client.execute(alone, *arguments)
        return ANSWER
