"""The schema of an installation's tables on PostgreSQL: named by the URL, made where there is none.

What takes a connection does nothing on another back end.
"""

from __future__ import annotations

import re

from sqlalchemy import URL, Connection, text
from sqlalchemy.schema import CreateSchema

from control.errors import ControlError

HOW = "docs/production.md shows how user, database and schema are made"
OPTION = "footfall_schema"  # of the engine: the schema's name
_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,62}")


def schema_of(url: URL) -> str:
    """The schema that a URL names, as `?schema=footfall_prod`; `ControlError` if it names none."""
    schema = url.query.get("schema")
    if not isinstance(schema, str) or not _NAME.fullmatch(schema):
        raise ControlError("the URL of the control plane is to name a schema, once: ?schema=footfall_prod")
    return schema


def check_path(connection: Connection) -> None:
    """`ControlError` where statements would reach another schema than the URL names."""
    schema = _schema(connection)
    path = connection.execute(text("SELECT current_setting('search_path')")).scalar() if schema else schema
    if path != schema:
        raise ControlError(
            f"the control plane's tables are in schema {schema}, but the search path is {path}: what stands "
            "before PostgreSQL (a connection pool?) drops `options`. Let it pass them, or name the server itself"
        )


def make(connection: Connection) -> None:
    """Make the schema where there is none. `ControlError` says what to type where the user may not,
    or where the tables are still in the schema of an earlier version."""
    if missing(connection):
        connection.execute(CreateSchema(_schema(connection)))


def missing(connection: Connection) -> list[str]:
    """What `make` would do, in words. Raises as it does."""
    schema = _schema(connection)
    if not schema:
        return []
    _refuse_earlier(connection, schema)
    query = "SELECT 1 FROM pg_namespace WHERE nspname = :schema"
    if connection.execute(text(query), {"schema": schema}).first():
        return []
    query = "SELECT has_database_privilege(current_database(), 'CREATE'), current_database(), current_user"
    may, database, user = connection.execute(text(query)).one()
    if not may:
        raise ControlError(
            f"database {database} has no schema {schema} for the control plane, and {user} may not make it. As a "
            f'superuser, in that database: CREATE SCHEMA {schema} AUTHORIZATION "{user}"; ({HOW})'
        )
    return [f"make schema {schema}"]


def _refuse_earlier(connection: Connection, schema: str) -> None:
    """Before each stage had a schema, the tables were in the user's: to begin an empty control plane
    beside it would be to lose its sites without a word."""
    query = (
        "SELECT schemaname FROM pg_tables WHERE tablename = 'site_window' AND schemaname != :schema "
        "AND schemaname IN ('footfall', 'public', current_user)"
    )
    earlier = connection.execute(text(query), {"schema": schema}).scalar()
    if earlier:
        raise ControlError(
            f"schema {earlier} of this database holds a control plane that was made before each stage had a "
            "schema of its own. If it is this stage's, stop Footfall and type, as a superuser in that database: "
            f'DROP SCHEMA IF EXISTS {schema}; ALTER SCHEMA "{earlier}" RENAME TO {schema}; If it is another '
            "stage's, give it that one's name first: footfall_ and the stage"
        )


def _schema(connection: Connection) -> str:
    return str(connection.get_execution_options().get(OPTION, ""))
