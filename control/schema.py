"""The tables. Times are UTC milliseconds; lists are JSON text, which both back ends hold alike."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()


def _site_column(primary: bool = False) -> Column[str]:
    target = ForeignKey("site.site_id", ondelete="CASCADE")
    return Column("site_id", String(253), target, primary_key=primary, nullable=False)


# One row each: "schema" (version of these tables), "revision" (counts changes) and "installation" (its id).
meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

site = Table(
    "site",
    metadata,
    Column("site_id", String(253), primary_key=True),
    Column("public_id", String(64), nullable=False, unique=True),
    Column("timezone", String(64), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("strict_privacy", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("script_name", String(64)),  # none: what all sites have
    Column("endpoint_path", String(128)),
    Index("site_script_name", "script_name", unique=True),
    Index("site_endpoint_path", "endpoint_path", unique=True),
)

site_domain = Table(
    "site_domain",
    metadata,
    Column("domain", String(253), primary_key=True),
    _site_column(),
    Column("position", Integer, nullable=False),
)

site_window = Table(
    "site_window",
    metadata,
    _site_column(primary=True),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("window_ms", BigInteger, nullable=False),
)

goal = Table(
    "goal",
    metadata,
    _site_column(primary=True),
    Column("name", String(64), primary_key=True),
    Column("event", String(64), nullable=False),
    Column("path", String(2048), nullable=False),
    Column("props", Text, nullable=False),  # JSON list of [key, value]
)

excluded_path = Table(
    "excluded_path",
    metadata,
    _site_column(primary=True),
    Column("path", String(2048), primary_key=True),
)

server_key = Table(
    "server_key",
    metadata,
    Column("key_id", String(32), primary_key=True),
    _site_column(),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("label", String(128), nullable=False),
    Column("rate", Float, nullable=False),  # events a second
    Column("burst", Float, nullable=False),  # events
    Column("domains", Text, nullable=False),  # JSON list
    Column("networks", Text, nullable=False),  # JSON list
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # 0: never
    Column("revoked_at", BigInteger, nullable=False),  # 0: not revoked
    Column("rotated_to", String(32), nullable=False, server_default=""),  # its successor's id
)

salt = Table(
    "salt",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),  # days since 1970
    Column("value", LargeBinary(32), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

secret = Table(
    "secret",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary(32), nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("value", Text, nullable=False),
)

# Positions of jobs: kept apart from settings because they change all the time and
# nobody who polls `version()` wants to hear of it.
cursor = Table(
    "cursor",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("value", Text, nullable=False),
)

# The topics a stage's log consists of; none of a stage whose log never grew. `number` 1 is the oldest.
log_generation = Table(
    "log_generation",
    metadata,
    Column("stage", String(16), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first_partition", Integer, nullable=False),
    Column("partitions", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),  # 0: no events go to it yet
    Column("drained_at", BigInteger, nullable=False),  # 0: it is read
    Column("left_at", BigInteger, nullable=False, server_default="0"),  # 0: somebody may write to it
)

job_lease = Table(
    "job_lease",
    metadata,
    Column("job", String(64), primary_key=True),
    Column("holder", String(128), nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),  # 0: free
)

job_run = Table(
    "job_run",
    metadata,
    # Integer and not BigInteger: only this type makes SQLite hand out growing ids.
    Column("run_id", Integer, primary_key=True),
    Column("job", String(64), nullable=False, index=True),
    Column("holder", String(128), nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),  # 0: running
    Column("state", String(16), nullable=False),  # running | done | failed | abandoned
    Column("detail", Text, nullable=False),
)

# Where the state of each log partition's flow is, and who works on it. See flows/ownership.py.
flow_partition = Table(
    "flow_partition",
    metadata,
    Column("partition", String(64), primary_key=True),  # as in recovery state: "prod-0003"
    Column("holder", String(160), nullable=False),  # a directory or a bundle; empty: nobody, begin from the log
    Column("place", String(1024), nullable=False),  # the same for people
    Column("worker", String(160), nullable=False),  # who works on it, or did last
    Column("seen_at", BigInteger, nullable=False),  # when that was last known; 0: it ended in order
)
