"""The session row: the fields are the columns of the `sessions` table, name by name."""

from __future__ import annotations

from msgspec import Struct

MAX_PAGES = 100
MAX_TOUCHES = 20


class SessionRow(Struct, kw_only=True, gc=False):
    """One version of one session, or (deleted) the withdrawal of one.

    A withdrawal has the sorting key (site_id, start_at, session_id) of the row it
    withdraws and a higher version.
    """

    site_id: str
    session_id: int
    visitor_id: int
    id_kind: int = 0
    start_at: int  # ms
    end_at: int = 0  # ms
    duration_ms: int = 0
    engaged_ms: int = 0
    entry_page: str = ""
    exit_page: str = ""
    pages: list[str] = []  # the first MAX_PAGES paths by (time, event id)
    page_views: int = 0
    events: int = 0
    is_bounce: bool = False  # one page view or none, no goal, less than 10 s engaged
    hostname: str = ""
    channel: str = ""
    referrer_host: str = ""
    utm_source: str = ""
    utm_medium: str = ""
    utm_campaign: str = ""
    utm_term: str = ""
    utm_content: str = ""
    click_id: str = ""
    touch_at: list[int] = []  # further campaigns or referrers, the first MAX_TOUCHES
    touch_channel: list[str] = []
    touch_source: list[str] = []  # utm_source, else the referrer's host
    touch_campaign: list[str] = []
    device_type: str = ""
    browser: str = ""
    os: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    language: str = ""
    goals: list[str] = []  # reached, sorted
    conversions: int = 0  # events that reached a goal
    orders: int = 0
    revenue: int = 0  # ten-thousandths of the site's currency
    bot: str = ""  # why this is a bot; empty: a person
    generation: int = 0  # of repair; 0 is live
    version: int = 0
    is_closed: bool = False
    is_deleted: bool = False
    log_time: int = 0  # log time at which this version was made, ms


def session_version(generation: int, run_events: int, closed: bool, deleted: bool = False) -> int:
    """(generation, events of the whole run, closed, deleted) as one growing number.

    The run's events and not the row's: a run that grows beyond a day is cut into rows
    with fewer events than the row they replace.
    """
    return generation << 44 | min(run_events, (1 << 42) - 1) << 2 | closed << 1 | deleted
