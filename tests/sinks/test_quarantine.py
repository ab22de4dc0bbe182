"""Quarantined input can be listed and shown, byte for byte."""

from __future__ import annotations

import time

import pytest
from clickhouse_driver import Client

from sinks.quarantine import list_quarantined, show
from sinks.rows import insert_rows


def test_list_and_show(client: Client, database: str) -> None:
    now = int(time.time() * 1000)
    rows = [
        ("a.example", now - 2000, "step_failed", "x", b"\x01\xfe\0", 0, 5, 0),
        ("a.example", now - 1000, "step_failed", "ü", b"text", 0, 9, 2),
        ("", now, "undecodable_record", "", b"", 1, 5, 0),
    ]
    insert_rows(client, database, "quarantine", rows, "")
    assert [item.id for item in list_quarantined(client, database)] == ["1-5-0", "0-9-2", "0-5-0"]
    assert [item.id for item in list_quarantined(client, database, "a.example", 1)] == ["0-9-2"]
    assert [item.id for item in list_quarantined(client, database, "")] == ["1-5-0"]
    item = show(client, database, "0-5-0")
    assert item is not None
    assert (item.site_id, item.reason, item.detail, item.payload) == (
        "a.example",
        "step_failed",
        "x",
        b"\x01\xfe\0",
    )
    assert int(item.quarantined_at.timestamp() * 1000) == now - 2000
    assert show(client, database, "0-5-1") is None


def test_what_is_no_id_is_refused(client: Client, database: str) -> None:
    with pytest.raises(ValueError, match="quarantine list"):
        show(client, database, "5; DROP TABLE x")
