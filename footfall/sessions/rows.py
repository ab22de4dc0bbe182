"""From an accumulator to a session row."""

from __future__ import annotations

from typing import cast

from footfall.sessions.part import Part, Touch, touch_key
from footfall.sessions.row import MAX_TOUCHES, SessionRow

_Who = tuple[int, str, str, str, str, str, str, str, str]
BOUNCE_ENGAGED_MS = 10_000


def to_row(part: Part, site_id: str, visitor_id: int, row_id: int) -> SessionRow:
    """The row of a session, without its version, flags and log time."""
    channel, referrer_host, source, medium, campaign, term, content, click_id = part.traffic
    id_kind, device_type, browser, os, country, region, city, language, bot = cast(_Who, part.who)
    pages = [page[2] for page in part.pages]
    row = SessionRow(
        site_id=site_id,
        session_id=row_id,
        visitor_id=visitor_id,
        id_kind=id_kind,
        start_at=part.first_at,
        end_at=part.last_at,
        duration_ms=part.last_at - part.first_at,
        engaged_ms=part.engaged_ms,
        entry_page=pages[0] if pages else "",
        exit_page=part.last_page[2] if part.last_page else pages[-1] if pages else "",
        pages=pages,
        page_views=part.page_views,
        events=part.events,
        is_bounce=part.page_views <= 1 and not part.goals and part.engaged_ms < BOUNCE_ENGAGED_MS,
        hostname=part.host,
        channel=channel,
        referrer_host=referrer_host,
        utm_source=source,
        utm_medium=medium,
        utm_campaign=campaign,
        utm_term=term,
        utm_content=content,
        click_id=click_id,
        device_type=device_type,
        browser=browser,
        os=os,
        country=country,
        region=region,
        city=city,
        language=language,
        goals=list(part.goals),
        conversions=part.conversions,
        orders=part.orders,
        revenue=part.revenue,
        bot=bot,
    )
    touches = further_touches(part)
    if touches:
        row.touch_at = [touch[0] for touch in touches]
        row.touch_channel = [touch[2] for touch in touches]
        row.touch_source = [touch[3] for touch in touches]
        row.touch_campaign = [touch[4] for touch in touches]
    return row


def further_touches(part: Part) -> list[Touch]:
    """The campaigns and referrers besides the session's own."""
    if not part.touches:
        return []
    own = touch_key(part.traffic)
    return [touch for touch in part.touches if touch[2:] != own][:MAX_TOUCHES]
