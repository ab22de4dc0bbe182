"""Rows of `events` from enriched batches, straight into ClickHouse's Native format.

Rows are gathered per partition of the table (month of event_day), so that each encoded
block becomes one part and is stored whole or not at all.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from footfall.enrich.batch import EnrichedBatch
from sinks.event_columns import Encoder, Rows, Run
from sinks.event_day import common_day, event_day, month
from sinks.native import EncodedBlock
from sinks.schema import EVENT_COLUMNS, EVENT_TYPES

Position = tuple[int, int, int]  # partition, offset, place of the event in the record
Key = tuple[str, int, str, bytes]  # site, event_day, name, event id


class EventBlock:
    """Gathers events until they are sent. Not thread-safe."""

    def __init__(self) -> None:
        self._months: dict[int, Rows] = {}
        self.rows = 0

    def add(
        self,
        batch: EnrichedBatch,
        visitor_id: int,
        places: Sequence[int] | None,
        late: Sequence[bool] | None,
        partition: int,
        offset: int,
        log_time: int,
    ) -> None:
        """The events of one record; `places` of the batch's lists (None: all). `late` is parallel
        to the batch's lists (None: none is)."""
        if places is None:
            events, names, ids, index = batch.events, batch.names, batch.ids, batch.index
            occurred, pages, traffic = batch.occurred, batch.pages, batch.traffic
        else:
            events = [batch.events[place] for place in places]
            names = [batch.names[place] for place in places]
            ids = [batch.ids[place] for place in places]
            index = [batch.index[place] for place in places]
            occurred = [batch.occurred[place] for place in places]
            pages = [batch.pages[place] for place in places]
            traffic = [batch.traffic[place] for place in places]
        count = len(events)
        if not count:
            return
        day = common_day(ids, occurred)
        if day is None:
            received_at = batch.record.received_at
            days = [event_day(event_id, at, received_at) for event_id, at in zip(ids, occurred, strict=True)]
            if len({month(day) for day in days}) > 1:
                self._split(batch, visitor_id, places, late, partition, offset, log_time, days)
                return
            day = days[0]
            column = b"".join([day.to_bytes(2, "little") for day in days])
        else:
            column = day.to_bytes(2, "little") * count
        if late is None:
            flags = bytes(count)
        else:
            flags = bytes(late) if places is None else bytes([late[place] for place in places])
        rows = self._rows_of(month(day))
        rows.runs.append(Run(count, batch, visitor_id, partition, offset, log_time))
        rows.names += names
        rows.ids += ids
        rows.days.append(column)
        rows.late.append(flags)
        rows.events += events
        rows.index += index
        rows.occurred += occurred
        rows.pages += pages
        rows.traffic += traffic
        self.rows += count

    def _rows_of(self, partition: int) -> Rows:
        rows = self._months.get(partition)
        if rows is None:
            rows = self._months[partition] = Rows()
        return rows

    def _split(
        self,
        batch: EnrichedBatch,
        visitor_id: int,
        places: Sequence[int] | None,
        late: Sequence[bool] | None,
        partition: int,
        offset: int,
        log_time: int,
        days: list[int],
    ) -> None:
        """A record whose events fall into several months: one part for each."""
        chosen = range(len(days)) if places is None else places
        parts: dict[int, list[int]] = {}
        for place, day in zip(chosen, days, strict=True):
            parts.setdefault(month(day), []).append(place)
        for part in parts.values():
            self.add(batch, visitor_id, part, late, partition, offset, log_time)

    def located_keys(self) -> Iterator[tuple[Position, Key]]:
        """Position and sorting key of all rows."""
        for rows in self._months.values():
            start = 0
            for run, days in zip(rows.runs, rows.days, strict=True):
                site_id = run.batch.record.site_id
                for place in range(run.size):
                    name, event_id = rows.names[start + place], rows.ids[start + place]
                    day = int.from_bytes(days[2 * place : 2 * place + 2], "little")
                    position = (run.partition, run.offset, rows.index[start + place])
                    yield position, (site_id, day, name, event_id)
                start += run.size

    def live_visitors(self, chosen: Container[Position]) -> Iterator[tuple[str, int, int, int]]:
        """(site, visitor, log time, when it occurred) of those of the chosen rows that are not late."""
        for rows in self._months.values():
            start = 0
            for run, late in zip(rows.runs, rows.late, strict=True):
                for place in range(run.size):
                    position = (run.partition, run.offset, rows.index[start + place])
                    if position in chosen and not late[place]:
                        site_id = run.batch.record.site_id
                        yield site_id, run.visitor_id, run.log_time, rows.occurred[start + place]
                start += run.size

    def offsets(self) -> dict[int, tuple[int, int]]:
        """Log partition -> first and last offset of the rows."""
        found: dict[int, tuple[int, int]] = {}
        for rows in self._months.values():
            for run in rows.runs:
                first, last = found.get(run.partition, (run.offset, run.offset))
                found[run.partition] = min(first, run.offset), max(last, run.offset)
        return found

    def parts(self) -> list[EventBlock]:
        """A block for each partition of the table."""
        out = []
        for partition, rows in self._months.items():
            part = EventBlock()
            part._months[partition] = rows
            part.rows = len(rows.events)
            out.append(part)
        return out

    def without(self, left_out: Container[Position]) -> EventBlock:
        """A block with the other rows."""
        kept = EventBlock()
        for rows in self._months.values():
            start = 0
            for run, late in zip(rows.runs, rows.late, strict=True):
                wanted = [
                    index
                    for index in rows.index[start : start + run.size]
                    if (run.partition, run.offset, index) not in left_out
                ]
                kept._add_again(run, rows.index[start : start + run.size], late, wanted)
                start += run.size
        return kept

    def _add_again(self, run: Run, index: list[int], late: bytes, wanted: list[int]) -> None:
        place_of = {number: place for place, number in enumerate(run.batch.index)}
        flags = [False] * len(run.batch)
        for number, flag in zip(index, late, strict=True):
            flags[place_of[number]] = bool(flag)
        places = [place_of[number] for number in wanted]
        self.add(run.batch, run.visitor_id, places, flags, run.partition, run.offset, run.log_time)

    def encode(self, encoder: Encoder | None = None) -> list[EncodedBlock]:
        """One block for each partition of the table. An encoder kept from call to call is faster."""
        coder = encoder or Encoder()
        blocks = []
        for rows in self._months.values():
            columns = coder.columns(rows)
            ordered = [columns[name] for name in EVENT_COLUMNS]
            blocks.append(EncodedBlock(EVENT_COLUMNS, EVENT_TYPES, len(rows.events), ordered))
        return blocks
