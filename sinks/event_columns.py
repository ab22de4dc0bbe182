"""The columns of `events`: each one's name, type and how it is encoded.

Three kinds: the same for a record (worked out once a record and repeated), dense (a
value for nearly every event), and sparse (a part that few events carry). The order is
that of the table (sinks/ddl/0001_events.sql, 0009_replays.sql); a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from footfall.duplicates import batch_key
from footfall.enrich.batch import INTERNAL, EnrichedBatch, Page, Traffic
from footfall.enrich.goals import prop_text
from footfall.ids import hash64
from footfall.names import Source
from footfall.record import LogEvent, Record
from sinks.event_fields import ITEMS, PARTS, TRAFFIC, Field
from sinks.native import (
    Gaps,
    StringPieces,
    fixed,
    gaps_of,
    low_cardinality,
    low_cardinality_runs,
    map_column,
    offsets,
    repeated,
    strings,
)

_BYTE = [bytes([number]) for number in range(256)]
_SESSION_LIMIT = 65_536


class Run(NamedTuple):
    """The events of one record, in the columns' rows."""

    size: int
    batch: EnrichedBatch
    visitor_id: int
    partition: int
    offset: int
    log_time: int


class Rows:
    """Rows of one partition of the table, not yet encoded; lists are parallel to `events`."""

    __slots__ = ("days", "events", "ids", "index", "late", "names", "occurred", "pages", "runs", "traffic")

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.names: list[str] = []
        self.ids: list[bytes] = []
        self.days: list[bytes] = []  # per run: the event_day column
        self.late: list[bytes] = []  # per run: the late column
        self.events: list[LogEvent] = []
        self.occurred: list[int] = []
        self.index: list[int] = []
        self.pages: list[Page] = []
        self.traffic: list[Traffic] = []


class Sessions(dict[str, bytes]):
    """The SDK's session hint -> its hash as 8 bytes; zero for no hint. Bounded."""

    def __missing__(self, hint: str) -> bytes:
        value = hash64(b"", "sdk_session", hint).to_bytes(8, "little") if hint else bytes(8)
        if len(self) >= _SESSION_LIMIT:
            self.clear()
        self[hint] = value
        return value


class Small(dict[int, bytes]):
    """A number below 65,536, else that, as 2 bytes. Bounded by that."""

    def __missing__(self, number: int) -> bytes:
        value = self[number] = min(number, 0xFFFF).to_bytes(2, "little")
        return value


def _u64(numbers: list[int]) -> list[bytes]:
    return [number.to_bytes(8, "little") for number in numbers]


def _key(record: Record) -> int:
    replayed = record.source == Source.REPLAY or not record.batch_id
    return 0 if replayed else batch_key(record.batch_id)


def _replays(batches: list[EnrichedBatch], counts: list[int], total: int) -> dict[str, bytes]:
    """The columns that only a replay fills."""
    replays = [batch.record.replay for batch in batches]
    if not any(replays):
        widths = {"replay": 4, "withdrawn": 1, "archived_partition": 2, "archived_offset": 8}
        return {name: bytes(width * total) for name, width in widths.items()}
    pieces = {
        "replay": [(replay.number if replay else 0).to_bytes(4, "little") for replay in replays],
        "withdrawn": [_BYTE[batch.withdrawn] for batch in batches],
        "archived_partition": [(replay.partition if replay else 0).to_bytes(2, "little") for replay in replays],
        "archived_offset": _u64([replay.offset if replay else 0 for replay in replays]),
    }
    return {name: repeated(values, counts) for name, values in pieces.items()}


class Encoder:
    """Encodes rows; keeps the bytes of texts it has seen. One per thread."""

    def __init__(self) -> None:
        self._pieces = StringPieces()
        self._sessions = Sessions()
        self._small = Small()

    def columns(self, rows: Rows) -> dict[str, bytes]:
        """Name -> bytes, of all columns of the table."""
        out = self._per_record(rows)
        out |= self._dense(rows)
        out |= self._sparse(TRAFFIC, [None if where is INTERNAL else where for where in rows.traffic])
        for of, fields in PARTS.values():
            out |= self._sparse(fields, of(rows.events))
        out |= self._items(rows)
        out["props"] = self._props(rows)
        return out

    def _per_record(self, rows: Rows) -> dict[str, bytes]:
        """Worked out once a record: comprehensions, since a call for each would cost more than the rest."""
        runs, small = rows.runs, self._small
        batches = [run.batch for run in runs]
        records = [batch.record for batch in batches]
        pieces = {
            "received_at": _u64([record.received_at for record in records]),
            "visitor_id": _u64([run.visitor_id for run in runs]),
            "id_kind": [_BYTE[record.id_kind] for record in records],
            "consent": [_BYTE[record.consent] for record in records],
            "source": [_BYTE[record.source] for record in records],
            "viewport_width": [small[record.viewport_width] for record in records],
            "viewport_height": [small[record.viewport_height] for record in records],
            "screen_width": [small[record.screen_width] for record in records],
            "screen_height": [small[record.screen_height] for record in records],
            "batch_key": _u64([_key(record) for record in records]),
            "log_partition": [small[run.partition] for run in runs],
            "log_offset": _u64([run.offset for run in runs]),
            "log_time": _u64([run.log_time for run in runs]),
        }
        counts = [run.size for run in runs]
        out = {name: repeated(values, counts) for name, values in pieces.items()}
        devices = [batch.device for batch in batches]
        places = [batch.geo for batch in batches]
        texts = {
            "site_id": [record.site_id for record in records],
            "device_type": [device.type for device in devices],
            "browser": [device.browser for device in devices],
            "browser_version": [device.browser_version for device in devices],
            "os": [device.os for device in devices],
            "os_version": [device.os_version for device in devices],
            "brand": [device.brand for device in devices],
            "country": [place.country for place in places],
            "region": [place.region for place in places],
            "city": [place.city for place in places],
            "language": [batch.language for batch in batches],
            "sdk": [record.sdk for record in records],
            "bot": [batch.bot for batch in batches],
        }
        total = len(rows.events)
        for name, values in texts.items():
            out[name] = low_cardinality_runs(values, counts, total, self._pieces)
        out |= _replays(batches, counts, total)
        return out

    def _dense(self, rows: Rows) -> dict[str, bytes]:
        events, pages, pieces = rows.events, rows.pages, self._pieces
        return {
            "event_day": b"".join(rows.days),
            "name": low_cardinality(rows.names, pieces),
            "event_id": b"".join(rows.ids),
            "occurred_at": fixed("q", rows.occurred),
            "sdk_session": b"".join(map(self._sessions.__getitem__, [event.session_id for event in events])),
            "host": low_cardinality([page.host for page in pages], pieces),
            "path": strings([page.path for page in pages], pieces),
            "query": strings([page.query for page in pages], pieces),
            "title": strings([event.title for event in events], pieces),
            "engaged_ms": fixed("I", [event.engaged_ms for event in events]),
            "scroll_depth": bytes([event.scroll_depth for event in events]),
            "late": b"".join(rows.late),
            "log_index": fixed("H", rows.index),
        }

    def _sparse(self, fields: Iterable[Field], found: Sequence[Any]) -> dict[str, bytes]:
        """The columns of a part: `found` holds it for each row, falsy where there is none."""
        gaps, parts = gaps_of(found)
        return {field.name: self._column(field, gaps, list(map(field.value, parts))) for field in fields}

    def _column(self, field: Field, gaps: Gaps, values: list[Any]) -> bytes:
        if field.kind == "str":
            return gaps.strings(values, self._pieces)
        if field.kind == "lc":
            return gaps.low_cardinality(values, self._pieces)
        return gaps.fixed(field.kind, values)

    def _items(self, rows: Rows) -> dict[str, bytes]:
        gaps, found = gaps_of([event.items for event in rows.events])
        ends = offsets(gaps, map(len, found))
        items = list(chain.from_iterable(found))
        out = {}
        for field in ITEMS:
            values = map(field.value, items)
            data = strings(values, self._pieces) if field.kind == "str" else fixed(field.kind, values)
            out[field.name] = ends + data
        return out

    def _props(self, rows: Rows) -> bytes:
        gaps, found = gaps_of([event.props for event in rows.events])
        keys = list(chain.from_iterable(found))
        values = [prop_text(value) for props in found for value in props.values()]
        return map_column(gaps, list(map(len, found)), keys, values, self._pieces)
