"""Golden files: what a request's JSON becomes in `events_v1`, column by column.

Each file in golden/ is {"requests": [...], "rows": [...]}, and maybe "ledger": the requests go through the
gateway's parser and record builder, the log's encoding, enrichment, the partition's logic
and the writer into a real store, and is read back through the view. Time, secrets and salts
are fixed, so only the columns in `OF_THE_RUN` depend on the run; empty values are left out.

FOOTFALL_WRITE_GOLDEN=1 writes the rows anew: look at the difference before committing it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from clickhouse_driver import Client

from eventlog.protocol import LogRecord
from flows.enriching import enrich_chunk
from flows.items import PartitionKey, RawChunk
from flows.metrics import PartitionStats
from flows.partition import PartitionLogic
from flows.sink import StorePartition
from footfall.enrich.context import Context
from footfall.generations import one_generation
from footfall.names import Source
from footfall.settings import Settings
from footfall.sites import Site
from ingest_gateway.address import AddressResolver, parse_networks
from ingest_gateway.client import Client as Browser
from ingest_gateway.client import read_client
from ingest_gateway.parse import parse_batch
from ingest_gateway.records import DAY_MS, Sender, build
from sinks.migrate import migrate
from sinks.writer import StoreWriter
from tests.fixtures.store import StoreServer
from tests.flows.making import POLICY

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.json"))
WRITE = bool(os.environ.get("FOOTFALL_WRITE_GOLDEN"))
OF_THE_RUN = ("log_partition", "log_offset", "log_time")
SITE = Site(site_id="shop.example.com", domains=("shop.example.com",), currency="EUR")
KEY = PartitionKey("prod", 0)
RESOLVE = AddressResolver(parse_networks("127.0.0.1")).resolve


@pytest.fixture(scope="module")
def database(store: StoreServer) -> Iterator[str]:
    name = "test_golden"
    client = store.client()
    client.execute(f"CREATE DATABASE {name}")
    migrate(client, Settings(), name)
    yield name
    client.execute(f"DROP DATABASE {name} SYNC")
    client.disconnect()


@pytest.fixture
def writer(store: StoreServer, database: str) -> Iterator[StoreWriter]:
    def connect() -> Client:
        return store.client(compression="lz4", database=database)

    made = StoreWriter(connect, database=database, flush_seconds=0.05, query_prefix="test-golden")
    yield made
    if made.is_alive():
        made.close()


def sender(request: dict[str, Any]) -> Sender:
    """Who sent the request, at the gateway's time `now`."""
    headers = request["headers"]
    address = RESOLVE("127.0.0.1:50000", headers.get("x-forwarded-for", ""), "")
    source = Source[request.get("source", "browser").upper()]
    client = read_client(headers, address, "cf-ipcountry") if source is Source.BROWSER else Browser(address)
    day = request["now"] // DAY_MS
    salts = {n: n.to_bytes(8, "big") * 4 for n in (day - 1, day)}
    return Sender(SITE, source, client, b"secret" * 5, salts, one_generation(1), request["now"], {})


def log_records(requests: list[dict[str, Any]]) -> list[LogRecord]:
    """What the gateway appends to the log, which stamps it with the gateway's time."""
    values = []
    for request in requests:
        body = json.dumps(request["body"]).encode()
        built = build(sender(request), parse_batch(body), body)
        values += [(request["now"], value) for _, value in built.records]
    return [LogRecord(0, offset, now, value) for offset, (now, value) in enumerate(values)]


def store_records(records: list[LogRecord], writer: StoreWriter) -> None:
    """As the flow does it."""
    chunk = enrich_chunk(RawChunk(KEY, records), {SITE.site_id: SITE}.get, Context())
    sink = StorePartition(KEY, writer, None, PartitionStats())
    sink.write_batch([PartitionLogic(KEY, POLICY, lambda *_: (), None).admit(chunk)])
    sink.snapshot()  # now it is known what was stored
    writer.flush()


def without_run(row: dict[str, Any]) -> dict[str, Any]:
    """All that says something: not the run's columns, nothing empty."""
    empty: tuple[object, ...] = ("", 0, "0", [], {})
    return {name: value for name, value in row.items() if name not in OF_THE_RUN and value not in empty}


@pytest.mark.parametrize("case", CASES)
def test_a_request_becomes_these_rows(case: str, store: StoreServer, database: str, writer: StoreWriter) -> None:
    path = GOLDEN / f"{case}.json"
    golden = json.loads(path.read_text())
    client = store.client(database=database)
    client.execute("TRUNCATE TABLE events")
    client.execute("TRUNCATE TABLE progress")
    client.execute("TRUNCATE TABLE ledger")
    client.disconnect()
    store_records(log_records(golden["requests"]), writer)
    lines = query(store, database, "SELECT * FROM events_v1 ORDER BY log_offset, log_index FORMAT JSONEachRow")
    rows = [without_run(json.loads(line)) for line in lines]
    if WRITE:
        golden["rows"] = rows
        path.write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n")
    assert rows, "a case without rows says nothing"
    assert rows == golden["rows"]
    if "ledger" in golden:
        sql = "SELECT outcome, reason, count FROM ledger_v1 ORDER BY outcome, reason FORMAT JSONCompactEachRow"
        found = [json.loads(line) for line in query(store, database, sql)]
        assert [[outcome, reason, int(count)] for outcome, reason, count in found] == golden["ledger"]


def query(store: StoreServer, database: str, sql: str) -> list[str]:
    """Lines of a result over HTTP, as any reader gets them."""
    answer = httpx.post(
        f"http://{store.host}:{store.http_port}/",
        params={"database": database, "output_format_json_quote_64bit_integers": "1"},
        headers={"X-ClickHouse-User": store.user, "X-ClickHouse-Key": store.password},
        content=sql.encode(),
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return answer.text.splitlines()


def test_there_are_cases() -> None:
    assert len(CASES) >= 8
