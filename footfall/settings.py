"""Settings: read from the environment once, frozen, passed in.

Every variable is `FOOTFALL_` plus the field's name in capitals. docs/settings.md is
generated from this module.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from footfall.names import RAW_TOPIC, database_name, topic_name
from footfall.sites import MAX_WINDOW_MS, MIN_WINDOW_MS

MINUTE_MS = 60_000
# One @ at most, and a port that is a number: else part of a password would be taken for the
# host, and messages tell that.
_CONTROL_URL = re.compile(r"sqlite:///[^?]+|postgresql(\+\w+)?://([^@]*@)?(\[[^]@/]+\]|[^][@/:?]*)(:\d+)?/[^@]+")

_PUBLIC_URL = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(/[A-Za-z0-9._~-]+)*/?")
_ENDPOINT = re.compile(r"https?://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?/?")


class Settings(BaseSettings):
    """One process's settings."""

    model_config = SettingsConfigDict(env_prefix="FOOTFALL_", frozen=True, extra="ignore", allow_inf_nan=False)

    data_dir: Path = Field(Path("data"), description="Where the embedded default keeps everything.")
    stage: str = Field("prod", pattern=r"^[a-z][a-z0-9]{0,15}$", description="dev, staging or prod.")
    dev_stage: str = Field(
        "dev",
        pattern=r"^([a-z][a-z0-9]{0,15})?$",
        description="Stage of events from localhost and preview domains, served as well; empty: they are refused.",
    )
    partitions: int = Field(
        4, ge=1, le=1024, description="Log partitions when the log is made; `footfall log grow` adds more."
    )
    workers: int = Field(
        1,
        ge=1,
        le=1024,
        description="Processes that share the flow: worker N has the partitions P with P % workers = N.",
    )
    worker: int | None = Field(
        None, ge=0, description="Which of them runs here, from 0; none: `footfall up` runs all of them."
    )

    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    gateway_port: int = Field(8080, ge=1, le=65535, description="Port of the gateway.")
    public_url: str = Field(
        "",
        description="The gateway's address for the world, as in https://stats.example.com, for the tag that is "
        "printed; empty: http:// with gateway_host and gateway_port.",
    )
    trusted_proxies: str = Field(
        "", description="Networks whose X-Forwarded-For and country header are believed, comma-separated."
    )
    country_header: str = Field("cf-ipcountry", description="Country header set by a trusted proxy or CDN.")
    gateway_queue_bytes: int = Field(
        64 * 1024 * 1024, description="Bytes waiting for the log before the gateway answers 503."
    )
    gateway_timeout_seconds: float = Field(
        10.0, gt=0, description="Longest wait for a request's body, and for the log, before 408 or 503."
    )
    address_requests_per_second: float = Field(
        200.0, ge=0, description="Requests taken from one address (loopback apart); 0: any number."
    )
    site_events_per_second: float = Field(
        100_000.0, ge=0, description="Events taken for one site's public id; 0: any number."
    )
    metrics_host: str = Field("127.0.0.1", description="Address on which flow and jobs show metrics.")
    flow_metrics_port: int = Field(
        9480,
        ge=0,
        le=65535,
        description="Port of the flow's /metrics, counted on from there by further workers; 0: none.",
    )
    jobs_metrics_port: int = Field(9470, ge=0, le=65535, description="Port of the jobs' /metrics; 0: none.")
    log_format: str = Field(
        "text", pattern=r"^(text|json)$", description="Of the parts' logs: text, or json (one object a line)."
    )

    heartbeat_seconds: float = Field(10.0, gt=0, description="How often each partition gets a heartbeat.")

    log_retention_hours: float = Field(168.0, gt=0, description="How long the log keeps records.")
    log_retention_bytes: int = Field(20 * 1024**3, gt=0, description="Size at which the oldest records go.")

    kafka_bootstrap: str = Field(
        "",
        description="Kafka brokers as host:port, comma-separated; empty: the log is local, in the data directory.",
    )
    kafka_replication: int = Field(3, ge=1, le=15, description="Replicas of the log's topics on Kafka.")
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        pattern=r"^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
        description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.",
    )
    kafka_sasl_mechanism: str = Field(
        "SCRAM-SHA-512",
        pattern=r"^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$",
        description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
    )
    kafka_username: str = Field("", description="User for SASL.")
    kafka_password: str = Field("", repr=False, description="Their password.")
    kafka_ca_file: Path | None = Field(
        None, description="Certificates of who signed the brokers'; none: the system's."
    )
    kafka_certificate_file: Path | None = Field(
        None, description="Our own certificate, where brokers ask for one."
    )
    kafka_key_file: Path | None = Field(None, description="Its private key.")
    kafka_key_password: str = Field("", repr=False, description="The key's password.")

    clickhouse_host: str = Field(
        "127.0.0.1",
        pattern=r"^[^,\s/@]+(,[^,\s/@]+)*$",
        description="Store. Replicas as host or host:port, comma-separated: the first that answers is used.",
    )
    clickhouse_port: int = Field(9000, ge=1, le=65535, description="Store, native protocol.")
    clickhouse_http_port: int = Field(8123, ge=1, le=65535, description="Store, HTTP.")
    clickhouse_user: str = Field("footfall", description="Store user that writes.")
    clickhouse_password: str = Field(
        "", repr=False, description="Its password; empty: the store is the embedded one, which makes its own."
    )
    clickhouse_cluster: str = Field(
        "",
        pattern=r"^(\{cluster\}|[A-Za-z0-9_.-]{1,64})?$",
        description="Cluster of replicas, on which tables are then replicated; empty: one server.",
    )
    clickhouse_secure: bool = Field(False, description="Whether the store is spoken to over TLS, on both ports.")
    clickhouse_ca_file: Path | None = Field(
        None, description="Certificates of who signed the store's; none: the system's."
    )
    redis_url: str = Field("", repr=False, description="Live counters; empty: a socket in the data directory.")
    control_url: str = Field(
        "", repr=False, description="SQLAlchemy URL of the control plane; empty: SQLite in the data directory."
    )
    objects_endpoint: str = Field(
        "", description="S3 server of the object store, https://host:port; empty: files in the data directory."
    )
    objects_bucket: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$",
        description="Its bucket; stages may share one.",
    )
    objects_access_key: str = Field("", description="Access key id for it.")
    objects_secret_key: str = Field("", repr=False, description="The secret access key.")
    objects_region: str = Field("us-east-1", pattern=r"^[A-Za-z0-9-]{1,64}$", description="The bucket's region.")
    objects_ca_file: Path | None = Field(
        None, description="Certificates of who signed the S3 server's; none: the system's."
    )
    geo_database: Path | None = Field(None, description="An mmdb file (city or country); none: no geo lookup.")

    archive_days: int = Field(
        0,
        ge=0,
        description="Days the raw archive is kept in the object store, for `footfall replay`; 0: there is none.",
    )
    archive_minutes: float = Field(
        15.0, gt=0, description="How long records are gathered for one object of the raw archive."
    )
    archive_spool_megabytes: int = Field(
        1024, ge=16, description="Disk for what the object store does not take; once it is full, the flow waits."
    )

    lateness_minutes: float = Field(10.0, gt=0, description="Events older than this on arrival are late.")
    session_window_minutes: float = Field(
        30.0,
        ge=MIN_WINDOW_MS / MINUTE_MS,
        le=MAX_WINDOW_MS / MINUTE_MS,
        description="Inactivity that ends a session (default of sites), 1 to 1440.",
    )
    duplicate_horizon_minutes: float = Field(60.0, gt=0, description="How long batch ids are remembered.")
    epoch_seconds: float = Field(30.0, gt=0, description="How often the flow makes a recovery point.")
    flush_seconds: float = Field(
        1.0, gt=0, description="How often rows go to the store; few of them up to 1.8 times as late."
    )

    hot_days: int = Field(90, ge=1, description="Days before rows are compressed harder.")
    retention_days: int = Field(730, ge=1, description="Days before rows are deleted.")
    quarantine_days: int = Field(14, ge=1, description="Days before quarantined input is deleted.")
    quarantine_per_site_per_day: int = Field(10_000, ge=1, description="Quarantined items kept per site and day.")
    quarantine_stop_ratio: float = Field(
        0.5,
        ge=0,
        le=1,
        description="The flow stops where more than this share of a partition's last 500 records' events (100 or "
        "more) fail in a step or cannot be decoded; 0: never.",
    )

    @field_validator("dev_stage")
    @classmethod
    def _is_another_stage(cls, dev_stage: str, info: ValidationInfo) -> str:
        if dev_stage == info.data.get("stage") != "dev":
            raise PydanticCustomError(
                "dev_stage",
                "this is FOOTFALL_STAGE too, so that events from localhost would count there: give another name, "
                "or leave it empty to refuse them",
            )
        return dev_stage

    @field_validator("worker")
    @classmethod
    def _is_one_of_them(cls, worker: int | None, info: ValidationInfo) -> int | None:
        if worker is not None and worker >= info.data.get("workers", worker + 1):
            raise PydanticCustomError("worker", "workers count from 0: it is below FOOTFALL_WORKERS, their number")
        return worker

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        for part in filter(None, map(str.strip, text.split(","))):
            try:
                ipaddress.ip_network(part, strict=False)
            except ValueError:
                raise PydanticCustomError(
                    "network",
                    "{part} is not a network: give addresses or networks like 10.0.0.0/8, comma-separated",
                    {"part": repr(part)},
                ) from None
        return text

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url and not _PUBLIC_URL.fullmatch(url):
            raise PydanticCustomError(
                "public_url",
                "{url} is not the gateway's address: give one like https://stats.example.com",
                {"url": repr(url)},
            )
        return url.rstrip("/")

    @field_validator("control_url")
    @classmethod
    def _is_a_database(cls, url: str) -> str:
        # What is wrong is not repeated: it may hold a password.
        if url and not _CONTROL_URL.fullmatch(url):
            raise PydanticCustomError(
                "control_url",
                "this is not a control plane's URL: give sqlite:////var/lib/footfall/control.db or "
                "postgresql+psycopg://user:password@host/database (in the password, write %40 for @, %2F for /, "
                "%3A for :, %25 for %)",
            )
        return url

    @field_validator("objects_endpoint")
    @classmethod
    def _is_an_endpoint(cls, url: str) -> str:
        # Not repeated either: somebody may have written the keys into it.
        if url and not _ENDPOINT.fullmatch(url):
            raise PydanticCustomError(
                "objects_endpoint",
                "this is not an S3 server's URL: give https://host or https://host:port, without bucket and keys "
                "(they are FOOTFALL_OBJECTS_BUCKET, FOOTFALL_OBJECTS_ACCESS_KEY and FOOTFALL_OBJECTS_SECRET_KEY)",
            )
        return url

    def topics(self) -> dict[str, int]:
        """The served stages with the number of partitions their log begins with: this stage, and
        where there is one that of events from localhost and preview domains."""
        others = {self.dev_stage: 1} if self.dev_stage not in ("", self.stage) else {}
        return {self.stage: self.partitions} | others

    def gateway_address(self) -> str:
        """The gateway's URL as browsers and servers are told it, without a slash at its end."""
        host = f"[{self.gateway_host}]" if ":" in self.gateway_host else self.gateway_host
        return self.public_url or f"http://{host}:{self.gateway_port}"

    def log_dir(self, stage: str, generation: int = 1) -> Path:
        """Directory of a generation of a stage's raw topic in the local log."""
        return self.data_dir / "log" / topic_name(stage, RAW_TOPIC, generation)

    def objects_dir(self) -> Path:
        """Directory of the object store where no server is named."""
        return self.data_dir / "objects"

    @property
    def has_own_store(self) -> bool:
        """Whether the store is the embedded one. A server of one's own has a password, which only its owner
        knows; its address tells less, since it may be on this machine too."""
        return not self.clickhouse_password

    def store_hosts(self) -> list[tuple[str, int]]:
        """(host, port) of the store's native protocol, in the order in which they are tried."""
        found = []
        for part in self.clickhouse_host.split(","):
            if match := re.fullmatch(r"\[(.+)\](?::(\d+))?|([^:]+):(\d+)", part):
                found.append((match[1] or match[3], int(match[2] or match[4] or self.clickhouse_port)))
            else:  # a name, an address, or one of IPv6 without brackets
                found.append((part, self.clickhouse_port))
        return found

    def control_plane_url(self) -> str:
        """The control plane's SQLAlchemy URL; on PostgreSQL with the schema in which the stage has its
        tables, as `?schema=` (see control.postgres)."""
        if not self.control_url:
            return f"sqlite:///{self.data_dir / 'control.db'}"
        query = self.control_url.rpartition("@")[2].partition("?")[2]  # a password may hold a ?
        if self.control_url.startswith("sqlite") or "schema=" in query:
            return self.control_url
        return f"{self.control_url}{'&' if query else '?'}schema={database_name(self.stage)}"

    def redis_address(self) -> str:
        """The URL for `redis.from_url`."""
        return self.redis_url or f"unix://{(self.data_dir / 'run' / 'valkey.sock').absolute()}"

    @property
    def lateness_ms(self) -> int:
        """Allowed lateness in milliseconds."""
        return int(self.lateness_minutes * MINUTE_MS)
