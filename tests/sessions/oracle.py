"""Sessions by sort-and-split, from the rules alone: no state, no merge, no accumulator."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.enrich.batch import Traffic
from footfall.ids import session_id
from footfall.sessions import Fact, SessionRow, Who
from footfall.sites import Site

DAY = 24 * 3600 * 1000


@dataclass(frozen=True)
class Told:
    """One event as it was told, and when it got to the log."""

    visitor_id: int
    fact: Fact
    who: Who
    log_time: int


def expected(site: Site, told: list[Told]) -> list[SessionRow]:
    """Every closed session of these events, version and log time left at 0."""
    rows = []
    for visitor in sorted({t.visitor_id for t in told}):
        once = {t.fact.event_id: t for t in reversed(told) if t.visitor_id == visitor}
        ordered = sorted(once.values(), key=lambda t: (t.fact.occurred_at, t.fact.event_id))
        for run in _split(site, ordered):
            days = [group for group in _by_day(run) if any(t.fact.client for t in group)]
            rows += [_row(site, visitor, group) for group in days]
    return rows


def _split(site: Site, ordered: list[Told]) -> list[list[Told]]:
    runs: list[list[Told]] = []
    end = -1
    for t in ordered:
        if not runs or t.fact.occurred_at > end:
            runs.append([])
        runs[-1].append(t)
        end = max(end, t.fact.occurred_at + site.window_ms(t.fact.occurred_at))
    return runs


def _by_day(run: list[Told]) -> list[list[Told]]:
    if run[-1].fact.occurred_at - run[0].fact.occurred_at <= DAY:
        return [run]
    days = sorted({t.fact.occurred_at // DAY for t in run})
    return [[t for t in run if t.fact.occurred_at // DAY == day] for day in days]


def _source(traffic: Traffic) -> tuple[str, str, str]:
    return (traffic.channel, traffic.utm_source or traffic.referrer_host, traffic.utm_campaign)


def _row(site: Site, visitor: int, group: list[Told]) -> SessionRow:
    facts = [t.fact for t in group]
    origin = next(t for t in group if t.fact.client)
    traffic = origin.fact.traffic if origin.fact.traffic.channel else Traffic(channel="Direct")
    who = origin.who
    touches: dict[tuple[str, str, str], int] = {}
    for fact in facts:
        if fact.traffic.channel not in ("", "Direct") and _source(fact.traffic) != _source(traffic):
            touches.setdefault(_source(fact.traffic), fact.occurred_at)
    shown = list(touches.items())[:20]
    pages = [fact.path for fact in facts if fact.name in ("page_view", "path_change")]
    goals = {goal for fact in facts for goal in fact.goals}
    engaged = sum(fact.engaged_ms for fact in facts)
    return SessionRow(
        site_id=site.site_id,
        session_id=session_id(site.site_id, visitor, facts[0].event_id),
        visitor_id=visitor,
        id_kind=who.id_kind,
        start_at=facts[0].occurred_at,
        end_at=facts[-1].occurred_at,
        duration_ms=facts[-1].occurred_at - facts[0].occurred_at,
        engaged_ms=engaged,
        entry_page=pages[0] if pages else "",
        exit_page=pages[-1] if pages else "",
        pages=pages[:100],
        page_views=len(pages),
        events=len(facts),
        is_bounce=len(pages) < 2 and not goals and engaged < 10_000,
        hostname=origin.fact.host,
        channel=traffic.channel,
        referrer_host=traffic.referrer_host,
        utm_source=traffic.utm_source,
        utm_medium=traffic.utm_medium,
        utm_campaign=traffic.utm_campaign,
        utm_term=traffic.utm_term,
        utm_content=traffic.utm_content,
        click_id=traffic.click_id,
        touch_at=[at for _, at in shown],
        touch_channel=[key[0] for key, _ in shown],
        touch_source=[key[1] for key, _ in shown],
        touch_campaign=[key[2] for key, _ in shown],
        device_type=who.device.type,
        browser=who.device.browser,
        os=who.device.os,
        country=who.geo.country,
        region=who.geo.region,
        city=who.geo.city,
        language=who.language,
        goals=sorted(goals),
        conversions=sum(bool(fact.goals) for fact in facts),
        orders=sum(fact.name == "purchase" for fact in facts),
        revenue=sum(fact.revenue for fact in facts if fact.name == "purchase"),
        bot=who.bot,
        is_closed=True,
    )
