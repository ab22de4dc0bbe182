"""The day an event is filed under: what every delivery of it carries alike.

It is part of the partition and sorting key of `events`, so that a second delivery meets
the first. Never derived from the time of storing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

DAY_MS = 86_400_000
_LAST_DAY = 65_535  # of ClickHouse's Date
_VERSION_7 = bytes(range(0x70, 0x80))


def event_day(event_id: bytes, occurred_at: int, received_at: int) -> int:
    """Days since 1970: of the id's UUIDv7 clock; of receipt where the id is no UUIDv7, or its
    clock is more than a day off from `occurred_at`, which is corrected for the client's clock."""
    clock = int.from_bytes(event_id[:6], "big")
    if event_id[6] >> 4 == 7 and abs(clock - occurred_at) <= DAY_MS:
        return min(clock // DAY_MS, _LAST_DAY)
    return min(received_at // DAY_MS, _LAST_DAY)


def common_day(ids: Sequence[bytes], occurred: Sequence[int]) -> int | None:
    """The day of all these events, if all have believable clocks and one day; else None.

    This is the fast way for nearly every record: big-endian ids compare like their clocks.
    """
    if b"".join(ids)[6::16].strip(_VERSION_7):
        return None
    first, last = int.from_bytes(min(ids)[:6], "big"), int.from_bytes(max(ids)[:6], "big")
    day = first // DAY_MS
    if day != last // DAY_MS or day > _LAST_DAY:
        return None
    if last - min(occurred) > DAY_MS or max(occurred) - first > DAY_MS:
        return None
    return day


@lru_cache(4096)
def month(day: int) -> int:
    """The ClickHouse partition of a day: 202611."""
    moment = datetime.fromtimestamp(day * 86_400, UTC)
    return moment.year * 100 + moment.month
