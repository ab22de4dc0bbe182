"""Who may do what: users, settings that a client may send, and what a reader may run."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field

from .engine import Session
from .errors import ACCESS_DENIED, AUTHENTICATION_FAILED, READONLY, UNKNOWN_SETTING, StoreError

ADMIN, READER = "footfall", "reader"

# Limits that a reader's queries run under unless the client asks for less.
READER_LIMITS: dict[str, str] = {
    "max_execution_time": "60",
    "max_memory_usage": "400000000",
    "max_result_rows": "1000000",
    "max_result_bytes": "268435456",
    "max_ast_elements": "20000",
}
_LIMITS = frozenset(READER_LIMITS)

# Settings that matter to results or cost; everything else a client sends is ignored, as an older server would.
_READER_SETTINGS = _LIMITS | {
    "max_threads",
    "max_block_size",
    "session_timezone",
    "result_overflow_mode",
    "timeout_overflow_mode",
    "max_rows_to_read",
    "max_bytes_to_read",
    "join_use_nulls",
    "extremes",
    "group_by_use_nulls",
    "final",
    "use_skip_indexes",
    "format_csv_delimiter",
    "format_csv_null_representation",
    "format_tsv_null_representation",
    "output_format_write_statistics",
    "output_format_parallel_formatting",
    "optimize_read_in_order",
    "max_bytes_before_external_group_by",
    "max_bytes_before_external_sort",
}
# The engine opens paths and URLs that some format settings name, so a reader gets the harmless ones alone.
_READER_PREFIXES = tuple(
    f"output_format_{kind}_"
    for kind in ("json", "csv", "tsv", "pretty", "decimal", "float", "parquet", "arrow", "native", "binary")
)
# Settings that name a file, a schema or a schema registry: nobody may send them.
_FILE_PREFIXES = ("format_schema", "format_template_", "output_format_schema", "format_avro_schema_registry_")
# Formats that need nothing but the rows.
_FORMAT_PREFIXES = (
    *("json", "ndjson", "csv", "tsv", "tskv", "tabseparated", "pretty", "rowbinary", "arrow", "raw"),
    "lineasstring",
)
_FORMATS = frozenset(
    {"native", "parquet", "orc", "msgpack", "vertical", "values", "xml", "markdown", "md", "null"}
    | {"sqlinsert", "bsoneachrow", "prometheus", "hash", "npy"}
)
_FORMAT_CLAUSE = re.compile(
    r"\bFORMAT(?:\s|--[^\n]*\n|#[^\n]*\n|/\*.*?\*/)+[`\"]?([A-Za-z]\w*)", re.IGNORECASE | re.DOTALL
)
_ADMIN_SETTINGS = _READER_SETTINGS | {
    "async_insert",
    "wait_for_async_insert",
    "insert_deduplicate",
    "deduplicate_insert",
    "optimize_on_insert",
    "insert_deduplication_token",
    "deduplicate_blocks_in_dependent_materialized_views",
    "max_insert_block_size",
    "min_insert_block_size_rows",
    "min_insert_block_size_bytes",
    "max_partitions_per_insert_block",
    "throw_on_max_partitions_per_insert_block",
    "mutations_sync",
    "alter_sync",
    "lightweight_deletes_sync",
    "optimize_throw_if_noop",
    "materialize_ttl_after_modify",
    "max_insert_threads",
    "allow_suspicious_low_cardinality_types",
    "allow_experimental_json_type",
    "data_type_default_nullable",
    "do_not_merge_across_partitions_select_final",
    "join_algorithm",
    "max_query_size",
    "max_parser_depth",
    "max_bytes_in_join",
    "flatten_nested",
    "date_time_input_format",
    "date_time_output_format",
    "enable_lightweight_delete",
    "parallel_view_processing",
    "materialized_views_ignore_errors",
}
_ADMIN_PREFIXES = ("output_format_", "format_", "input_format_")

_TABLE_FUNCTIONS = frozenset(
    {
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "generateseries",
        "generate_series",
        "values",
        "null",
        "view",
        "generaterandom",
        "format",
        "primes",
    }
)
# Scalar functions that reach outside the tables a reader may see.
_FORBIDDEN_FUNCTIONS = frozenset(
    {
        "file",
        "catboostevaluate",
        "joinget",
        "joingetornull",
        "addresstoline",
        "addresstolinewithinlines",
        "addresstosymbol",
        "demangle",
        "sleep",
        "sleepeachrow",
        "getserversetting",
        "getmergetreesetting",
        "filesystemavailable",
        "filesystemcapacity",
        "filesystemunreserved",
    }
)
_SYSTEM_TABLES = frozenset(
    {
        "one",
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "databases",
        "tables",
        "columns",
        "functions",
        "settings",
        "formats",
        "time_zones",
        "data_type_families",
        "table_engines",
        "keywords",
        "contributors",
        "licenses",
    }
)


@dataclass(frozen=True)
class User:
    """Somebody who may connect.

    `session_settings` is the place for settings that bind a user (such as per-user `additional_table_filters`):
    they are set before `readonly` and therefore cannot be undone by the user's queries.
    """

    name: str
    password: str = field(repr=False)
    read_only: bool = False
    session_settings: dict[str, str] = field(default_factory=dict)

    def allows(self, setting: str) -> bool:
        """Whether the user's clients may send this setting."""
        if setting.startswith(_FILE_PREFIXES):
            return False
        if self.read_only:
            return setting in _READER_SETTINGS or setting.startswith(_READER_PREFIXES)
        return setting in _ADMIN_SETTINGS or setting.startswith(_ADMIN_PREFIXES)


class Users:
    """The users by name."""

    def __init__(self, admin_password: str, reader_password: str):
        admin = User(ADMIN, admin_password)
        reader = User(READER, reader_password, read_only=True, session_settings=READER_LIMITS)
        self._users = {user.name: user for user in (admin, reader)}

    def check(self, name: str, password: str) -> User:
        """The user, or StoreError 516 with one text for a wrong name and a wrong password, in constant time."""
        user = self._users.get(name)
        expected = user.password if user else "no such user"
        if not hmac.compare_digest(password.encode(), expected.encode()) or user is None:
            message = f"{name}: Authentication failed: password is incorrect, or there is no user with such name."
            raise StoreError(AUTHENTICATION_FAILED, f"{message} (AUTHENTICATION_FAILED)")
        return user


def allowed_settings(user: User, asked: dict[str, str]) -> dict[str, str]:
    """What of a client's settings is put into effect; a reader's limits can only be lowered.

    Raises StoreError 115 for a setting that names a file, a schema or a schema registry.
    """
    for name in asked:
        if name.startswith(_FILE_PREFIXES):
            raise StoreError(UNKNOWN_SETTING, f"The setting {name} is not allowed. (UNKNOWN_SETTING)")
    kept = {name: value for name, value in asked.items() if user.allows(name)}
    for name in _LIMITS & kept.keys() if user.read_only else ():
        value, limit = kept[name], int(READER_LIMITS[name])
        if not (value.isascii() and value.isdecimal() and len(value) < 19) or not 0 < int(value) <= limit:
            kept[name] = READER_LIMITS[name]
    return kept


def check_format(user: User, name: str) -> None:
    """Raises StoreError 497 for an output format that a reader may not ask for."""
    lower = name.lower()
    if user.read_only and lower not in _FORMATS and not lower.startswith(_FORMAT_PREFIXES):
        raise StoreError(ACCESS_DENIED, f"reader: the format {name} is not allowed. (ACCESS_DENIED)")


class ReaderGuard:
    """Refuses what a reader may not run, judged by the engine's own parse of the text."""

    def __init__(self, session: Session):
        # Whatever table function the engine knows and the allow-list does not name is refused, new ones included.
        rows = session.rows("SELECT name FROM system.table_functions")
        self._refused = frozenset(row[0].lower() for row in rows) - _TABLE_FUNCTIONS | _FORBIDDEN_FUNCTIONS
        formats = {row[0].lower() for row in session.rows("SELECT name FROM system.formats")} - _FORMATS
        self._refused_formats = frozenset(name for name in formats if not name.startswith(_FORMAT_PREFIXES))

    def check_database(self, name: str) -> None:
        """A reader may not make `system` the default database: its tables are allowed one by one, by full name."""
        if name.lower() in ("system", "information_schema"):
            raise StoreError(ACCESS_DENIED, f"reader: cannot use the database {name}; name its tables in full.")

    def check(self, session: Session, sql: str, params: dict[str, str] | None = None) -> None:
        """Raises StoreError 164 (not a reading statement), 497 (a refused name) or the syntax error."""
        for name in _FORMAT_CLAUSE.findall(sql):
            if name.lower() in self._refused_formats:
                raise StoreError(ACCESS_DENIED, f"reader: the format {name} is not allowed. (ACCESS_DENIED)")
        kind, statements = session.kind(sql)
        if kind == "UNKNOWN":
            session.query(f"EXPLAIN AST {sql}", params=params)  # raises the engine's own syntax error
        if kind != "READ_ONLY" or statements != 1:
            raise StoreError(READONLY, "reader: Cannot execute query in readonly mode. (READONLY)")
        for line in session.query(f"EXPLAIN AST {sql}", "TabSeparated", params).decode().splitlines():
            self._check_node(line.split())

    def _check_node(self, words: list[str]) -> None:
        if len(words) < 2:
            return
        node, name = words[0], words[1].lower()
        if node == "Function" and (name in self._refused or name.startswith("ai")):
            raise StoreError(ACCESS_DENIED, f"reader: the function {words[1]} is not allowed. (ACCESS_DENIED)")
        if node in ("TableIdentifier", "Identifier") and _is_refused_table(name):
            raise StoreError(ACCESS_DENIED, f"reader: the table {words[1]} is not allowed. (ACCESS_DENIED)")


def _is_refused_table(name: str) -> bool:
    return name.startswith("system.") and name.split(".")[1] not in _SYSTEM_TABLES
