"""Makes the fixtures beside it, with the code of the release whose formats they are to show.

    mkdir -p build/released && git archive 6f0573f | tar x -C build/released        # release 0.1.0
    PYTHONPATH=build/released .venv/bin/python tests/compat/make.py tests/compat/0.1.0

One file, though a long one: with a release's code on the path, `tests` is that release's, where there is no
other part of this.

To be run once, when a release is made; what it wrote is never edited. It uses real parts: the log, the store
and the flow of that release. Log times are of a fixed day, so that the fixtures do not grow old.

formats.json   records as they were encoded with what they mean, names, settings, checksums of the DDL
state.tar.gz   data/: control plane, log, and what the flow goes on from, after it was killed
               tables/: the rows that the store had then, Native; before/, after/: what its views showed then,
               and after that release had gone on to the log's end
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from enum import EnumType
from pathlib import Path
from typing import Any

import msgspec

STAGE = "compat"
PARTITIONS = 2
T0 = round(datetime(2026, 11, 20, 23, 40, tzinfo=UTC).timestamp() * 1000)
MINUTE = 60_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
ROLLUPS = ("rollup_hour",)
TABLES = ("events", "sessions", "identities", "quarantine", "ledger", "progress", *ROLLUPS, "rollup_state")
JOBS = ("repair", "rollup_hours", "rollup_days")
VIEWS = (
    "events_v1",
    "sessions_v1",
    "identities_v1",
    "quarantine_v1",
    "ledger_v1",
    *(f"{name}_v1" for name in ROLLUPS),
)
WAIT_S = 60.0
Timed = tuple[int, int, bytes]  # minute, partition, record


def page(number: int, minute: float, path: str = "/", name: str = "page_view", **changes: Any) -> Any:
    """An event; the same number is the same event."""
    from footfall.ids import derived_uuid7
    from footfall.record import LogEvent

    at = T0 + int(minute * MINUTE)
    url = f"https://shop.example{path}"
    return LogEvent(name=name, event_id=derived_uuid7(T0, f"event {number}"), occurred_at=at, url=url, **changes)


def batch(visitor: int, minute: int, *events: Any, again: int | None = None, **changes: Any) -> Timed:
    """One visitor's request, in their partition; `again`: the minute whose request it repeats."""
    from footfall.ids import derived_uuid7
    from footfall.names import Consent, IdKind
    from footfall.record import Record, encode

    first = minute if again is None else again
    values: dict[str, Any] = {
        "site_id": "shop.example", "batch_id": derived_uuid7(T0, f"batch {visitor} {first}"),
        "received_at": T0 + minute * MINUTE, "sent_at": T0 + minute * MINUTE, "visitor_id": 2**63 + visitor,
        "id_kind": IdKind.CONSENTED, "consent": Consent.GRANTED, "user_agent": AGENT, "language": "de-DE",
        "address": "203.0.113.0", "country": "DE", "viewport_width": 1200, "events": list(events),
    }  # fmt: skip
    return minute, visitor % PARTITIONS, encode(Record(**values | changes))


def heartbeats(minutes: Iterable[int]) -> list[Timed]:
    """One in each partition."""
    from footfall.record import Record, encode

    return [
        (minute, partition, encode(Record(kind="heartbeat", received_at=T0 + minute * MINUTE)))
        for minute in minutes
        for partition in range(PARTITIONS)
    ]


def first_part() -> list[Timed]:
    """What the flow had a recovery point of: sessions begin, one ends, two things go to quarantine."""
    from footfall.event import Order
    from footfall.names import IdKind

    daily = {"id_kind": IdKind.DAILY, "consent": 0}
    return [
        *(
            batch(visitor, visitor, page(visitor, visitor), page(10 + visitor, visitor, "/a"))
            for visitor in range(6)
        ),
        batch(7, 1, page(20, 1), site_id="blog.example"),
        batch(1, 8, page(21, 8, "/thanks", "purchase", order=Order(order_id="7", revenue=12.5, currency="EUR"))),
        batch(2, 9, page(22, 9, "/login", "identify", user_id="ada"), rejected={"malformed": 2}),
        batch(8, 10, page(23, 10), site_id="gone.example"),
        (11, 0, b"\x63 no record of a known version"),
        batch(9, 12, page(24, 12, props={"plan": "pro", "n": 3, "mail": "ada@example.org"}), **daily),
        *heartbeats((13, 24)),
    ]


def second_part() -> list[Timed]:
    """What was stored, but was beyond the recovery point when the flow was killed."""
    return [
        batch(3, 25, page(30, 25, "/b"), page(31, 25.5, "/c")),
        batch(4, 26, page(32, 26, "/d", engaged_ms=4000)),
        *heartbeats((27,)),
    ]


def third_part() -> list[Timed]:
    """What the next release finds: sessions go on, across midnight, and what came before comes again."""
    from footfall.names import IdKind

    daily = {"id_kind": IdKind.DAILY, "consent": 0}
    return [
        batch(3, 28, page(30, 25, "/b"), page(31, 25.5, "/c"), again=25),
        batch(0, 29, page(0, 0), page(40, 29, "/e")),
        batch(11, 30, page(41, 30, "/f"), previous_visitor_id=2**63 + 9, **daily),
        batch(1, 34, page(42, 34, "/g"), page(43, 5, "/late")),
        batch(5, 35, page(44, 35, "/h")),
        batch(12, 36, page(45, 36)),
        *heartbeats((60, 90, 130)),
    ]


def append(data: Path, stage: str, partitions: int, records: Sequence[Timed]) -> None:
    """Each at its own log time."""
    from eventlog.local import LocalLog
    from footfall.names import topic_name

    now = T0
    directory = data / "log" / topic_name(stage, "raw")
    appender = LocalLog(directory, partitions, clock=lambda: now).appender()
    try:
        for minute, partition, value in sorted(records, key=lambda one: one[0]):
            now = T0 + minute * MINUTE
            appender.append([(partition, value)]).result(30)
    finally:
        appender.close(10)


def make_control(data: Path) -> None:
    """Sites, goals, a key, settings."""
    import control
    from footfall.sites import Goal

    plane = control.open(f"sqlite:///{data / 'control.db'}")
    plane.add_site("shop.example", now=T0, timezone="Europe/Berlin", currency="EUR", domains=["www.shop.example"])
    plane.add_site(
        "blog.example", now=T0, window_ms=10 * MINUTE, domains=["shop-blog.example"], strict_privacy=True
    )
    plane.set_goal("shop.example", Goal(name="buy", event="purchase"))
    plane.set_excluded_paths("blog.example", ["/intern"])
    plane.create_key("shop.example", now=T0, label="shop server", rate=50.0, networks=["10.0.0.0/8"])
    plane.set_setting("user:ada:timezone", "Europe/Berlin")
    plane.set_cursor("a position", "17")
    plane.stage_secret(STAGE)
    plane.close()


class Running:
    """A flow of the release, in a process of its own, until it has stored the whole log."""

    def __init__(self, data: Path, store: Any) -> None:
        self._store = store
        self._data = data
        self.environment = os.environ | {
            "FOOTFALL_DATA_DIR": str(data), "FOOTFALL_STAGE": STAGE, "FOOTFALL_PARTITIONS": str(PARTITIONS),
            "FOOTFALL_CLICKHOUSE_PORT": str(store.port), "FOOTFALL_CLICKHOUSE_PASSWORD": store.password,
            "FOOTFALL_FLUSH_SECONDS": "0.1",
        }  # fmt: skip

    def run(self, expected: dict[int, int], end: signal.Signals) -> None:
        """`expected`: how many records each partition has."""
        process = subprocess.Popen([sys.executable, "-m", "flows"], env=self.environment)
        try:
            wait_for(lambda: self._stored() == expected)
        finally:
            process.send_signal(end)
            process.wait(30)

    def work(self) -> None:
        """What its jobs do, once."""
        for job in JOBS:
            command = [sys.executable, "-m", "cli", "job", "run", job]
            subprocess.run(command, env=self.environment, check=True, timeout=WAIT_S)

    def _stored(self) -> dict[int, int]:
        client = self._store.client(database=f"footfall_{STAGE}")
        try:
            sql = "SELECT log_partition, max(log_offset) FROM progress GROUP BY log_partition"
            return dict(client.execute(sql))
        finally:
            client.disconnect()


def wait_for(ready: Callable[[], bool]) -> None:
    """Raises `TimeoutError`."""
    deadline = time.monotonic() + WAIT_S
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the flow did not store everything")
        time.sleep(0.05)


def ask(store: Any, sql: str) -> bytes:
    """A query's answer over HTTP, as it comes."""
    request = urllib.request.Request(
        f"http://{store.host}:{store.http_port}/?database=footfall_{STAGE}", sql.encode()
    )
    request.add_header("X-ClickHouse-User", store.user)
    request.add_header("X-ClickHouse-Key", store.password)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
        return found


def show_views(store: Any, directory: Path) -> None:
    """What readers see."""
    directory.mkdir()
    for view in VIEWS:
        (directory / f"{view}.jsonl").write_bytes(ask(store, f"SELECT * FROM {view} FORMAT JSONEachRow"))


def make_state(out: Path, work: Path) -> None:
    """state.tar.gz"""
    from footfall.settings import Settings
    from sinks.migrate import migrate
    from tests.fixtures.store import make_store  # of the release

    data = work / "data"
    data.mkdir()
    make_control(data)
    append(data, "dev", 1, [])
    parts = first_part(), second_part(), third_part()
    counts = {n: [sum(one[1] == n for one in part) for part in parts] for n in range(PARTITIONS)}
    store = make_store(work)
    try:
        client = store.client()
        for stage in (STAGE, "dev"):
            migrate(
                client,
                Settings.model_validate({"retention_days": 10_000, "quarantine_days": 10_000}),
                f"footfall_{stage}",
            )
        flow = Running(data, store)
        append(data, STAGE, PARTITIONS, parts[0])
        flow.run({n: sum(found[:1]) for n, found in counts.items()}, signal.SIGTERM)
        append(data, STAGE, PARTITIONS, parts[1])
        flow.run({n: sum(found[:2]) for n, found in counts.items()}, signal.SIGKILL)
        flow.work()
        (work / "tables").mkdir()
        for table in TABLES:
            (work / "tables" / f"{table}.native").write_bytes(ask(store, f"SELECT * FROM {table} FORMAT Native"))
        show_views(store, work / "before")
        append(data, STAGE, PARTITIONS, parts[2])
        kept = work / "kept"
        shutil.copytree(data, kept)
        flow.run({n: sum(found) for n, found in counts.items()}, signal.SIGTERM)
        show_views(store, work / "after")
    finally:
        store.stop()
    with tarfile.open(out / "state.tar.gz", "w:gz") as archive:
        archive.add(kept, "data")
        for name in ("tables", "before", "after"):
            archive.add(work / name, name)


def records() -> list[dict[str, Any]]:
    """Encoded records, and what is in them."""
    from footfall.event import Element, Failure, Form, Item, Order, Request, Search, Vital
    from footfall.record import Record, decode, encode

    every = page(
        1, 1, "/a?utm_source=x", "purchase", referrer="https://example.org/", title="Ü", session_id="s",
        user_id="ada", engaged_ms=5, scroll_depth=7, element=Element(tag="a", x=3), form=Form(id="f"),
        items=[Item(item_id="i", quantity=2)], order=Order(order_id="7", revenue=12.5, currency="EUR"),
        search=Search(term="shoes"), vital=Vital(name="LCP", value=1.5), error=Failure(message="boom"),
        request=Request(method="GET", status=200), props={"a": "b", "n": 1, "f": 1.5, "t": True, "z": None},
    )  # fmt: skip
    rest: dict[str, Any] = {
        "source": 1, "client_hints": '"Chromium";v="141"', "screen_width": 1, "screen_height": 2,
        "viewport_height": 3, "sdk": "js", "signals": 5, "previous_visitor_id": 9, "rejected": {"name_invalid": 1},
    }  # fmt: skip
    made = [value for part in (first_part(), second_part(), third_part()) for _, _, value in part if value[0] == 1]
    made += [
        batch(1, 1, every, **rest)[2],
        encode(Record(kind="quarantine", site_id="shop.example", payload=b"\xff line", reason="malformed_line")),
        encode(Record()),
    ]
    return [
        {"encoded": base64.b64encode(value).decode(), "value": msgspec.to_builtins(decode(value))}
        for value in made
    ]


def formats() -> dict[str, Any]:
    """formats.json"""
    from footfall import names
    from footfall.enrich.pipeline import PIPELINE
    from footfall.settings import Settings
    from sinks.migrate import load

    own = [one for one in vars(names).values() if getattr(one, "__module__", "") == names.__name__]
    enums: list[EnumType] = [one for one in own if isinstance(one, EnumType)]
    return {
        "records": records(),
        "names": {one.__name__: {n: one[n].value for n in one.__members__} for one in enums},
        "steps": [step.name for step in PIPELINE],
        "settings": sorted(Settings.model_fields),
        "ddl": {f"{one.number:04d}_{one.name}": one.checksum for one in load()},
    }


def main() -> None:
    """Write everything."""
    import footfall

    out = Path(sys.argv[1]).absolute()
    os.chdir(Path(footfall.__file__).parents[1])
    out.mkdir(parents=True, exist_ok=True)
    (out / "formats.json").write_text(json.dumps(formats(), indent=1, sort_keys=True) + "\n")
    with tempfile.TemporaryDirectory() as work:
        make_state(out, Path(work))


if __name__ == "__main__":
    main()
