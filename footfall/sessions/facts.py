"""What a session needs to know of an event (`Fact`) and of a record (`Who`)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple, cast

from msgspec import Struct

from footfall.enrich.batch import NO_DEVICE, NO_GEO, Device, EnrichedBatch, Geo, Traffic
from footfall.names import EventName, Source
from footfall.record import LogEvent
from footfall.sites import Site

PURCHASE = EventName.PURCHASE.value
_SERVER = int(Source.SERVER)
MONEY_UNIT = 10_000  # of the store: ten-thousandths


class Who(Struct, frozen=True, kw_only=True):
    """What is the same for every event of a record; a session takes its first one's."""

    site_id: str
    id_kind: int = 0  # names.IdKind
    device: Device = NO_DEVICE
    geo: Geo = NO_GEO
    language: str = ""
    bot: str = ""


class Fact(NamedTuple):
    """One event, as far as sessions go. The order of the fields is the order of events."""

    occurred_at: int  # ms
    event_id: bytes  # 16 bytes
    name: str
    host: str
    path: str
    traffic: Traffic
    engaged_ms: int = 0
    revenue: int = 0  # ten-thousandths of the site's currency; purchases only
    goals: tuple[str, ...] = ()
    client: bool = True  # not from a server key: opens a session


# Facts turned into columns: what is asked of all of them is then asked in C.
Columns = tuple[
    Sequence[int],  # occurred_at
    Sequence[bytes],  # event_id
    Sequence[str],  # name
    Sequence[str],  # host
    Sequence[str],  # path
    Sequence[Traffic],
    Sequence[int],  # engaged_ms
    Sequence[int],  # revenue
    Sequence[tuple[str, ...]],  # goals
    Sequence[bool],  # client
]


def columns_of(facts: Sequence[tuple[Any, ...]]) -> Columns:
    """The columns of at least one fact."""
    return cast(Columns, tuple(zip(*facts, strict=True)))


def columns_at(columns: Columns, places: Sequence[int]) -> Columns:
    """The columns of the events at these places; at least one."""
    return cast(Columns, tuple([column[place] for place in places] for column in columns))


def who_of(batch: EnrichedBatch) -> Who:
    """The `Who` of a record's events."""
    return Who(
        site_id=batch.site.site_id,
        id_kind=batch.record.id_kind,
        device=batch.device,
        geo=batch.geo,
        language=batch.language,
        bot=batch.bot,
    )


def facts_of(batch: EnrichedBatch) -> list[Fact]:
    """One fact per surviving event, in the order of the batch."""
    columns = zip(*columns_of_batch(batch), strict=True)
    # Past the generated __new__, which is Python and costs as much as all the columns.
    return cast("list[Fact]", list(map(tuple.__new__, repeat(Fact), columns)))


def columns_of_batch(batch: EnrichedBatch) -> Columns:
    """The columns of `facts_of`, without making the facts."""
    events, pages = batch.events, batch.pages
    names = batch.names
    bought = PURCHASE in names
    revenues = [_revenue(event, batch.site) for event in events] if bought else [0] * len(names)
    return (
        batch.occurred,
        batch.ids,
        names,
        [page.host for page in pages],
        [page.path for page in pages],
        batch.traffic,
        [event.engaged_ms for event in events],
        revenues,
        batch.goals,
        [batch.record.source != _SERVER] * len(names),
    )


def _revenue(event: LogEvent, site: Site) -> int:
    """A purchase's revenue. Money of another currency than the site's counts as none:
    there are no exchange rates here, and a wrong sum is worse than a missing one."""
    order = event.order
    if event.name != PURCHASE or order is None:
        return 0
    if order.currency and site.currency and order.currency.upper() != site.currency.upper():
        return 0
    return round(order.revenue * MONEY_UNIT)
