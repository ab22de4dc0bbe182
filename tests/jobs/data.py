"""Rows for the tables, made without the flow: what a test does not set has its default."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clickhouse_driver import Client

from control.plane import Control
from control.plane import open as open_control
from footfall.ids import derived_uuid7
from footfall.names import database_name
from footfall.settings import Settings
from jobs.job import JobContext
from sinks.clickhouse import connect
from sinks.event_day import event_day
from tests.fixtures.spare import give_back, spare_stage
from tests.fixtures.store import StoreServer

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def time_of(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def ms(text: str) -> int:
    """`2026-03-29T00:30Z`."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@dataclass
class Bench:
    """A stage of its own in the test's store, and a control plane."""

    settings: Settings
    control: Control
    stage: str
    client: Client
    now: int = 0

    def context(self) -> JobContext:
        return JobContext(
            settings=self.settings, control=self.control, now_ms=lambda: self.now or 1_800_000_000_000
        )

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        if rows:
            names = list(rows[0])
            columns = ", ".join(names)
            self.client.execute(
                f"INSERT INTO {table} ({columns}) VALUES", [[row[n] for n in names] for row in rows]
            )

    def stored_until(self, log_time: int) -> None:
        rows = [
            {"log_partition": n, "log_offset": log_time, "log_time": time_of(log_time),
             "heartbeat_at": time_of(log_time), "stored_at": time_of(log_time)}
            for n in range(self.settings.partitions)
        ]  # fmt: skip
        self.insert("progress", rows)

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.client.execute(sql, values)
        return found


@contextmanager
def bench(store: StoreServer, tmp_path: Path) -> Iterator[Bench]:
    admin = store.client()
    stage = spare_stage(store, admin)
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "stage": stage,
            "clickhouse_host": store.host,
            "clickhouse_port": store.port,
            "clickhouse_user": store.user,
            "clickhouse_password": store.password,
            "partitions": 2,
        }
    )
    control = open_control(f"sqlite:///{tmp_path / 'control.db'}")
    client = connect(settings, database=database_name(stage))
    yield Bench(settings, control, stage, client)
    client.disconnect()
    control.close()
    give_back(store, admin, stage)
    admin.disconnect()


_ids = iter(range(10**9))


def event(site_id: str, visitor_id: int, at: int, name: str = "page_view", **more: Any) -> dict[str, Any]:
    """An event that came in as it happened, unless `log_time` says otherwise."""
    event_id = more.pop("event_id", None) or derived_uuid7(at, str(next(_ids)))
    log_time = more.pop("log_time", at)
    row = {
        "site_id": site_id,
        "event_day": time_of(event_day(event_id, at, log_time) * DAY).date(),
        "name": name,
        "event_id": event_id,
        "occurred_at": time_of(at),
        "received_at": time_of(log_time),
        "visitor_id": visitor_id,
        "id_kind": 1,
        "source": 0,
        "host": site_id,
        "path": "/",
        "channel": "",
        "utm_source": "",
        "device_type": "desktop",
        "browser": "Firefox",
        "os": "Linux",
        "country": "DE",
        "engaged_ms": 0,
        "revenue": 0,
        "currency": "",
        "props": {},
        "bot": "",
        "late": int(log_time - at > 600_000),
        "log_partition": visitor_id % 2,
        "log_offset": log_time,
        "log_index": 0,
        "log_time": time_of(log_time),
    }
    return row | more


def session(site_id: str, visitor_id: int, start: int, **more: Any) -> dict[str, Any]:
    """One version of a session, closed."""
    row = {
        "site_id": site_id,
        "session_id": start * 1000 + visitor_id,
        "visitor_id": visitor_id,
        "id_kind": 1,
        "start_at": time_of(start),
        "end_at": time_of(start),
        "duration_ms": 0,
        "engaged_ms": 0,
        "entry_page": "/",
        "exit_page": "/",
        "page_views": 1,
        "events": 1,
        "is_bounce": 1,
        "channel": "Direct",
        "referrer_host": "",
        "utm_source": "",
        "utm_campaign": "",
        "device_type": "desktop",
        "browser": "Firefox",
        "os": "Linux",
        "country": "DE",
        "conversions": 0,
        "orders": 0,
        "revenue": 0,
        "bot": "",
        "generation": 0,
        "version": 1,
        "is_closed": 1,
        "is_deleted": 0,
        "log_time": time_of(start),
    }
    return row | more
