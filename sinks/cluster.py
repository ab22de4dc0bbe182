"""A cluster of replicas: what all of them have to do, and when the one at hand knows enough.

Replicas get one another's rows a moment later, and of two tables not in the order in which they were
written. So whoever acts on what is *not* there (positions that were not stored, rows to withdraw)
lets the replica at hand catch up first: `sync`. It waits for what was in Keeper when it was called,
and an insert is in Keeper before it is acknowledged.

One shard only: whatever looks for a visitor's rows, or leaves duplicates to merges, looks at one.
"""

from __future__ import annotations

import logging

from clickhouse_driver import Client

from sinks.clickhouse import identifier
from sinks.dialect import clause

logger = logging.getLogger(__name__)

# A replica that takes longer to end a query is taken for dead: without a session in Keeper it can store
# nothing any more, and one that has a session gets to know of the order at once.
KILL_S = 10
_KILL = {"distributed_ddl_task_timeout": KILL_S, "distributed_ddl_output_mode": "null_status_on_timeout"}


class UnsupportedClusterError(Exception):
    """The cluster cannot be used as it is; the message says what to change."""


def sync(client: Client, cluster: str, database: str, *tables: str) -> None:
    """Return once the replica at hand has all that was acknowledged before. Nothing without a cluster."""
    for table in tables if cluster else ():
        client.execute(f"SYSTEM SYNC REPLICA {identifier(database)}.{identifier(table)} LIGHTWEIGHT")


def kill_queries(client: Client, cluster: str, condition: str, values: dict[str, object]) -> None:
    """End queries wherever they run. When this returns they have ended, or their replica is away."""
    if not cluster:
        client.execute(f"KILL QUERY WHERE {condition} SYNC", values)
        return
    rows = client.execute(f"KILL QUERY {clause(cluster)} WHERE {condition} SYNC", values, settings=_KILL)
    silent = [str(row[0]) for row in rows if row[2] is None]
    if silent:
        logger.warning("going on without replicas that do not answer: %s", ", ".join(silent))


def check_cluster(client: Client, cluster: str) -> None:
    """Raises `UnsupportedClusterError` where the server has no such cluster, several shards, or no macros."""
    macros = dict(client.execute("SELECT macro, substitution FROM system.macros"))
    if missing := {"shard", "replica"} - macros.keys():
        raise UnsupportedClusterError(
            f"the server has no macro {' nor '.join(sorted(missing))}: add <macros> to its configuration, "
            "with the same <shard> and another <replica> on each replica"
        )
    name = macros.get("cluster", "") if cluster == "{cluster}" else cluster
    sql = "SELECT uniqExact(shard_num), count() FROM system.clusters WHERE cluster = %(name)s"
    ((shards, replicas),) = client.execute(sql, {"name": name})
    if not replicas:
        known = sorted({row[0] for row in client.execute("SELECT DISTINCT cluster FROM system.clusters")})
        raise UnsupportedClusterError(
            f"the server knows no cluster {name!r}, as FOOTFALL_CLICKHOUSE_CLUSTER says, but "
            f"{', '.join(known) or 'none'}"
        )
    if shards > 1:
        raise UnsupportedClusterError(
            f"cluster {name!r} has {shards} shards: Footfall stores in one. Name a cluster of one shard, "
            "with as many replicas as you like"
        )
