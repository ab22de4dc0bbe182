"""chDB: one engine per process and data directory, one session per client.

A session is bound to one chDB connection, because an open stream blocks its connection. chDB releases the GIL
while it works, so one thread per client is the threading model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import StoreError, from_engine
from .sql import InsertStatement

# Settings of every session; a query's own settings come on top and are put back to these afterwards.
BASELINE: dict[str, str] = {
    "session_timezone": "UTC",
    "implicit_select": "0",
    "async_insert": "0",
    "max_threads": "2",
    "max_insert_threads": "1",
    "input_format_native_allow_types_conversion": "1",
    "allow_introspection_functions": "0",
    # Duplicates inside one INSERT are left to merges and FINAL, like those of two INSERTs: four times cheaper.
    "optimize_on_insert": "0",
    "max_untracked_memory": "1048576",
    "log_queries": "0",
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
}

# Merging was two thirds of the store's CPU: with the base of 12 in place of 5 a row is written
# again about half as often, for some more parts to read.
_CONFIG = """<clickhouse>
    <timezone>UTC</timezone>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>67108864</mark_cache_size>
    <primary_index_cache_size>33554432</primary_index_cache_size>
    <index_mark_cache_size>16777216</index_mark_cache_size>
    <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <mmap_cache_size>64</mmap_cache_size>
    <compiled_expression_cache_size>8388608</compiled_expression_cache_size>
    <query_condition_cache_size>8388608</query_condition_cache_size>
    <vector_similarity_index_cache_size>0</vector_similarity_index_cache_size>
    <query_cache><max_size_in_bytes>0</max_size_in_bytes></query_cache>
    <background_pool_size>2</background_pool_size>
    <background_merges_mutations_concurrency_ratio>1</background_merges_mutations_concurrency_ratio>
    <background_schedule_pool_size>2</background_schedule_pool_size>
    <max_thread_pool_free_size>8</max_thread_pool_free_size>
    <max_io_thread_pool_size>8</max_io_thread_pool_size>
    <max_active_parts_loading_thread_pool_size>4</max_active_parts_loading_thread_pool_size>
    <max_outdated_parts_loading_thread_pool_size>2</max_outdated_parts_loading_thread_pool_size>
    <max_parts_cleaning_thread_pool_size>2</max_parts_cleaning_thread_pool_size>
    <max_prefixes_deserialization_thread_pool_size>4</max_prefixes_deserialization_thread_pool_size>
    <max_format_parsing_thread_pool_size>4</max_format_parsing_thread_pool_size>
    <prefetch_threadpool_pool_size>4</prefetch_threadpool_pool_size>
    <load_marks_threadpool_pool_size>4</load_marks_threadpool_pool_size>
    <threadpool_writer_pool_size>4</threadpool_writer_pool_size>
    <threadpool_local_fs_reader_pool_size>4</threadpool_local_fs_reader_pool_size>
    <threadpool_remote_fs_reader_pool_size>2</threadpool_remote_fs_reader_pool_size>
    <memory_worker_period_ms>250</memory_worker_period_ms>
    <background_schedule_pool_initial_size>2</background_schedule_pool_initial_size>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <min_bytes_for_wide_part>134217728</min_bytes_for_wide_part>
        <merge_max_block_size_bytes>4194304</merge_max_block_size_bytes>
        <merge_selector_base>12</merge_selector_base>
        <max_bytes_to_merge_at_max_space_in_pool>4294967296</max_bytes_to_merge_at_max_space_in_pool>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
    </merge_tree>
</clickhouse>
"""


def quote(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """A ClickHouse identifier in backticks."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _without_field_defaults(settings: str) -> str:
    """A block has a value in every field, so the engine needs no list of the table's defaults,
    which is an eighth of what a small INSERT costs. (Columns left out altogether get theirs anyway.)"""
    head = f"{settings}," if settings else "SETTINGS"
    return f"{head} input_format_defaults_for_omitted_fields = 0"


def _chdb() -> Any:
    # Imported late: it takes half a second, starts threads, and reads TZ when the engine opens.
    os.environ["TZ"] = "UTC"
    from chdb import _chdb

    return _chdb


def _write_if_other(path: Path, text: str) -> None:
    """On a full disk a file that is written anew may end up empty."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class Session:
    """One chDB connection. Not thread-safe."""

    def __init__(self, connection: Any):
        self._connection = connection

    def query(self, sql: str, output_format: str = "Native", params: dict[str, str] | None = None) -> bytes:
        """Run any statement and return its whole output (empty for statements without one, and for no rows)."""
        try:
            return bytes(self._connection.query(sql, output_format, params=params or {}).bytes())
        except RuntimeError as error:
            raise from_engine(error) from None

    def stream(
        self, sql: str, output_format: str = "Native", params: dict[str, str] | None = None
    ) -> Iterator[tuple[bytes, int]]:
        """Run a SELECT; yields (one block in the format, its rows). Closing the generator cancels the query."""
        connection = self._connection
        handle = None
        try:
            handle = connection.send_query(sql, output_format, params=params or {})
            while True:
                chunk = connection.streaming_fetch_result(handle)
                if chunk is None or not chunk.rows_read():
                    handle = None
                    return
                yield bytes(chunk.bytes()), int(chunk.rows_read())
        except RuntimeError as error:
            handle = None
            raise from_engine(error) from None
        finally:
            if handle is not None:
                connection.streaming_cancel_query(handle)

    def insert(self, insert: InsertStatement, path: str, data_format: str) -> tuple[int, int]:
        """Write and sync a file's rows; returns rows and bytes written, views included.

        Not chDB's `send_insert`: that one reports success whatever happens after parsing (too many parts, a full
        disk, a failing view), and checks no constraints.
        """
        source = f"FROM INFILE {quote(path)} COMPRESSION 'none'"
        settings = _without_field_defaults(insert.settings) if data_format == "Native" else insert.settings
        sql = f"{insert.head} {source} {settings} FORMAT {data_format}"
        try:
            result = self._connection.query(sql, "Null", params={})
        except RuntimeError as error:
            raise from_engine(error) from None
        return int(result.rows_written()), int(result.bytes_written())

    def rows(self, sql: str) -> list[list[str]]:
        """The result of a small query as text; tabs and newlines inside values stay escaped."""
        text = self.query(sql, "TabSeparated").decode()
        return [line.split("\t") for line in text.split("\n")[:-1]]

    def kind(self, sql: str) -> tuple[str, int]:
        """What a text would do (`READ_ONLY`, `MUTATING`, `CONTROL`, `UNKNOWN` …) and its number of statements."""
        try:
            report = self._connection.classify_query(sql)
        except RuntimeError as error:
            raise from_engine(error) from None
        return str(report["query_class"].name), int(report["statement_count"])

    def set(self, settings: dict[str, str]) -> None:
        """Set settings for all later queries of this session. Raises StoreError on unknown names or bad values."""
        if settings:
            self.query("SET " + ", ".join(f"{name} = {quote(value)}" for name, value in settings.items()))

    def reset(self, names: list[str]) -> None:
        """Put settings back to the session's baseline."""
        if names:
            parts = [f"{n} = {quote(BASELINE[n])}" if n in BASELINE else f"{n} = DEFAULT" for n in names]
            self.query("SET " + ", ".join(parts))

    def close(self) -> None:
        """Give the connection back; an open stream is cancelled."""
        self._connection.close()


class Engine:
    """The chDB engine over one data directory. Only one per process can exist."""

    def __init__(self, data_dir: Path, memory_bytes: int):
        self._module = _chdb()
        config = data_dir / "engine.xml"
        _write_if_other(config, _CONFIG.format(memory=memory_bytes))
        self._address = f"{data_dir / 'data'}?config-file={config}"
        # Held open for the engine's life: chDB shuts down when its last connection closes.
        self._keeper = self._module.connect(self._address)

    def session(self, database: str = "") -> Session:
        """A new session with the baseline settings. Raises StoreError if the database does not exist."""
        session = Session(self._module.connect(self._address))
        try:
            session.set(BASELINE)
            if database:
                session.query(f"USE {quote_name(database)}")
        except StoreError:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Shut the engine down; every session has to be closed before."""
        self._keeper.close()
