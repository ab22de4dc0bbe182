"""Visitors' events read back from the base table, as the facts sessions are made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from clickhouse_driver import Client

from footfall.enrich.batch import INTERNAL, Device, Geo, Traffic
from footfall.enrich.goals import goals_reached
from footfall.names import EventName, Source
from footfall.sessions.facts import Fact, Who
from footfall.sessions.repair import StoredFact
from footfall.sites import Site
from jobs.stored import run

# An event is filed under the day of its id, at most a day off, or of its receipt, up to 7 days later.
DAY_BEFORE, DAYS_AFTER = 1, 9
_PURCHASE = EventName.PURCHASE.value
_SERVER = Source.SERVER.value

Span = tuple[int, int]  # [first, end) of occurred_at, ms
GoalsOf = Callable[[str, str, Mapping[str, str]], tuple[str, ...]]


def values_of(site: Site, visitors: list[int], span: Span) -> dict[str, object]:
    """The parameters by which a statement finds the events."""
    return {
        "site": site.site_id,
        "visitors": visitors,
        "first": span[0],
        "end": span[1],
        "first_day": _day(span[0]) - timedelta(days=DAY_BEFORE),
        "last_day": _day(span[1]) + timedelta(days=DAYS_AFTER),
    }


def count_facts(client: Client, stage: str, site: Site, visitors: list[int], span: Span) -> int:
    """About how many events `read_facts` would bring; never fewer."""
    return int(run(client, "count_facts", stage, values_of(site, visitors, span))[0][0])


def read_facts(
    client: Client, stage: str, site: Site, visitors: list[int], span: Span
) -> dict[int, list[StoredFact]]:
    """Visitor -> events of the span, by time. One event may come twice, if it was stored twice."""
    needs_props = any(goal.props for goal in site.goals)
    props = "props" if needs_props else "0"  # a map is dear to read
    values = values_of(site, visitors, span)
    columns = run(client, "facts", stage, values, columnar=True, fragments={"props": props})
    found: dict[int, list[StoredFact]] = defaultdict(list)
    if not columns:
        return found
    goals_of = _goals_of(site, needs_props)
    traffic = [_traffic(*values) for values in zip(*columns[12:21], strict=True)]
    known: dict[tuple[int | str, ...], Who] = {}
    who = [known.get(v) or known.setdefault(v, _who(site, v)) for v in zip(*columns[21:30], strict=True)]
    rows: Iterable[tuple[Any, ...]] = zip(*columns[:12], traffic, who, strict=True)
    if any(columns[30]):
        rows = _newest(rows, columns[30], columns[31])
    for visitor, at, event_id, name, host, path, engaged, money, currency, source, late, tags, came, whose in rows:
        revenue = money if name == _PURCHASE and _counts(currency, site) else 0
        fact = Fact(
            at, bytes.fromhex(event_id), name, host, path, came, engaged, revenue,
            goals_of(name, path, tags), source != _SERVER,
        )  # fmt: skip
        found[visitor].append(StoredFact(fact, whose, bool(late)))
    for facts in found.values():
        facts.sort(key=lambda stored: stored.fact[:2])
    return found


def _newest(
    rows: Iterable[tuple[Any, ...]], replays: Sequence[int], withdrawn: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Of each event what is of its latest replay, nothing where that withdraws it."""
    latest: dict[tuple[str, str], int] = {}
    found = []
    for row, number, gone in zip(rows, replays, withdrawn, strict=True):
        event = (row[2], row[3])  # id, name
        latest[event] = max(number, latest.get(event, 0))
        found.append((row, event, number, gone))
    return [row for row, event, number, gone in found if number == latest[event] and not gone]


def _goals_of(site: Site, needs_props: bool) -> GoalsOf:
    if not site.goals:
        return lambda _name, _path, _props: ()
    if needs_props:
        return lambda name, path, props: goals_reached(site, name, path, props)
    known: dict[tuple[str, str], tuple[str, ...]] = {}

    def remembered(name: str, path: str, props: Mapping[str, str]) -> tuple[str, ...]:
        reached = known.get((name, path))
        if reached is None:
            reached = known[name, path] = goals_reached(site, name, path, props)
        return reached

    return remembered


def _traffic(channel: str, *rest: str) -> Traffic:
    # The one object that stands for "from within the site", which sessions know it by.
    return Traffic(channel, *rest) if channel else INTERNAL


def _who(site: Site, values: tuple[int | str, ...]) -> Who:
    id_kind, device_type, browser, os, country, region, city, language, bot = values
    return Who(
        site_id=site.site_id,
        id_kind=int(id_kind),
        device=Device(type=str(device_type), browser=str(browser), os=str(os)),
        geo=Geo(country=str(country), region=str(region), city=str(city)),
        language=str(language),
        bot=str(bot),
    )


def _counts(currency: str, site: Site) -> bool:
    """As in the flow: money of another currency than the site's counts as none."""
    return not (currency and site.currency and currency.upper() != site.currency.upper())


def _day(at_ms: int) -> date:
    return datetime.fromtimestamp(max(0, at_ms) / 1000, UTC).date()
