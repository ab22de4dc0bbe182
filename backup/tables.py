"""The tables of a stage's database: out as text by partition, in by columns' names.

Rows are copied as they lie there, replaced and withdrawn ones too: a withdrawn session has to stay
withdrawn when the log is read again.
"""

from __future__ import annotations

from clickhouse_driver import Client

from backup.errors import BackupError, Damaged
from backup.manifest import Piece, Reached, Rows, StageStore
from backup.pieces import PieceWriter, read_piece
from backup.progress import Progress
from backup.store_http import NOT_TOLD, insert, select
from backup.target import Target
from footfall.names import database_name
from footfall.settings import Settings
from sinks.clickhouse import StoreUnreachableError, connect, identifier, retrying
from sinks.cluster import sync
from sinks.migrate import table_names

RETRY_LIMIT_S = 120.0
SUFFIX = ".tsv.zst"


class StageTables:
    """A stage's database, whose tables are there. `client` is for questions; rows go over HTTP."""

    def __init__(self, settings: Settings, stage: str, place: Target, progress: Progress) -> None:
        self.client: Client = connect(settings, database=database_name(stage))
        self._settings = settings
        self._stage = stage
        self._place = place
        self._progress = progress

    def close(self) -> None:
        """Leave the store."""
        self.client.disconnect()

    def catch_up(self) -> None:
        """Have the replica at hand take in all that was stored by now."""
        sync(self.client, self._settings.clickhouse_cluster, database_name(self._stage), *table_names())

    def dump(self, table: str) -> Rows:
        """Write a table into the backup."""
        self._progress.phase(f"{self._stage} {table}")
        rows = Rows(columns=columns_of(self.client, table))
        for partition in partitions_of(self.client, table):
            rows.pieces += self._dump_partition(table, partition, rows.columns)
        return rows

    def _dump_partition(self, table: str, partition: str, columns: list[str]) -> list[Piece]:
        names = ", ".join(map(identifier, columns))
        sql = (
            f"SELECT {names} FROM {database_name(self._stage)}.{identifier(table)} "  # noqa: S608 - checked names
            f"WHERE _partition_id = '{_checked(partition)}' FORMAT TabSeparated"
        )

        def attempt(_number: int) -> list[Piece]:
            prefix = f"store/{self._stage}/{table}/{partition}-"
            writer = PieceWriter(self._place, prefix, SUFFIX, tabs=len(columns) - 1)
            try:
                for text in select(self._settings, sql):
                    writer.add(text)
                return writer.close()
            except Damaged as error:  # the store failed half-way: perhaps not the next time
                raise StoreUnreachableError(str(error)) from error

        pieces = retrying(attempt, limit_s=RETRY_LIMIT_S, what=f"reading {table}")
        self._progress.moved(sum(piece.rows for piece in pieces))
        return pieces

    def load(self, saved: StageStore) -> None:
        """Put all rows of a stage into its empty tables.

        Raises `BackupError` where the backup has what these tables lack, `Damaged` where its rows are
        not all there or do not all arrive.
        """
        for table, rows in saved.tables.items():
            unknown = set(rows.columns) - set(columns_of(self.client, table))
            if unknown:
                names = ", ".join(sorted(unknown))
                raise BackupError(f"the backup has columns of {table} that this Footfall does not know: {names}")
        for table, rows in saved.tables.items():
            self._progress.phase(f"{self._stage} {table}")
            for piece in rows.pieces:
                self._load_piece(table, rows.columns, piece)

    def _load_piece(self, table: str, columns: list[str], piece: Piece) -> None:
        text = read_piece(self._place, piece, tabs=len(columns) - 1)
        names = ", ".join(map(identifier, columns))
        sql = f"INSERT INTO {database_name(self._stage)}.{identifier(table)} ({names}) FORMAT TabSeparated"
        written = retrying(
            lambda _number: insert(self._settings, sql, text), limit_s=RETRY_LIMIT_S, what=f"writing {table}"
        )
        if written not in (piece.rows, NOT_TOLD):
            raise Damaged(
                f"the store took {written} of the {piece.rows} rows of {piece.key}: run `footfall restore` again"
            )
        self._progress.moved(piece.rows)


def reached(client: Client) -> list[Reached]:
    """Up to where each partition is stored. The client's database is the stage's."""
    rows = client.execute(
        "SELECT log_partition, max(log_offset), toInt64(toUnixTimestamp64Milli(argMax(log_time, log_offset))) "
        "FROM progress GROUP BY log_partition ORDER BY log_partition"
    )
    return [Reached(partition=n, offset=offset, log_time=log_time) for n, offset, log_time in rows]


def columns_of(client: Client, table: str) -> list[str]:
    """The stored columns."""
    rows = client.execute(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = %(table)s "
        "AND default_kind NOT IN ('ALIAS', 'MATERIALIZED') ORDER BY position",
        {"table": table},
    )
    return [name for (name,) in rows]


def partitions_of(client: Client, table: str) -> list[str]:
    """Ids of the partitions that hold rows."""
    rows = client.execute(
        "SELECT DISTINCT partition_id FROM system.parts "
        "WHERE database = currentDatabase() AND table = %(table)s AND active AND rows > 0 ORDER BY partition_id",
        {"table": table},
    )
    return [name for (name,) in rows]


def filled_tables(client: Client) -> dict[str, int]:
    """Footfall's tables that have rows, and how many."""
    rows = client.execute(
        "SELECT table, sum(rows) FROM system.parts WHERE database = currentDatabase() AND active "
        "AND table IN %(tables)s GROUP BY table HAVING sum(rows) > 0 ORDER BY table",
        {"tables": table_names()},
    )
    return dict(rows)


def empty_tables(client: Client) -> None:
    """Take all rows out of Footfall's tables."""
    for table in filled_tables(client):
        client.execute(f"TRUNCATE TABLE {identifier(table)}")


def _checked(partition: str) -> str:
    if not partition.replace("-", "").isalnum() or not partition.isascii():
        raise BackupError(f"{partition!r} is no partition of a table of Footfall's")
    return partition
