"""The accumulator: what is known of one run's events of one UTC day.

Adding and merging are associative and commutative; which events are new (idempotence)
is decided before, by event id, in `footfall.sessions.visitor`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence

from msgspec import Struct

from footfall.enrich.batch import INTERNAL, Traffic
from footfall.names import PAGE_EVENTS
from footfall.sessions.facts import PURCHASE, Fact, Who
from footfall.sessions.row import MAX_PAGES, MAX_TOUCHES

NEVER = 1 << 62  # later than every time
DIRECT = "Direct"

PageSeen = tuple[int, bytes, str]  # time, event id, path
Touch = tuple[int, bytes, str, str, str]  # time, event id, channel, source, campaign


class Part(Struct, array_like=True, gc=False):
    """Events of one run on one UTC day.

    Kept in recovery state as a msgpack array: fields are only ever added at the end,
    with a default.
    """

    day: int  # days since 1970
    events: int = 0
    first_at: int = NEVER
    first_id: bytes = b""
    last_at: int = -1
    engaged_ms: int = 0
    page_views: int = 0
    conversions: int = 0
    orders: int = 0
    revenue: int = 0
    # The first event that is not from a server: traffic, device and place are its.
    origin_at: int = NEVER
    origin_id: bytes = b""
    traffic: tuple[str, ...] = ()
    who: tuple[int | str, ...] = ()
    host_at: int = NEVER
    host_id: bytes = b""
    host: str = ""
    pages: list[PageSeen] = []  # the first MAX_PAGES, sorted
    last_page: PageSeen | None = None  # only where there were more
    goals: list[str] = []
    touches: list[Touch] = []  # every source once, at its first time; the first MAX_TOUCHES + 1

    @property
    def has_client(self) -> bool:
        """Whether there is an event that opens a session."""
        return self.origin_at != NEVER

    def add(self, facts: Sequence[Fact], who: Who) -> None:
        """Take in events that are all of this day, new, and of one record."""
        first_at, first_id, last_at = self.first_at, self.first_id, self.last_at
        host_at, origin_at = self.host_at, self.origin_at
        engaged_ms = 0
        for fact in facts:
            at, event_id, name, host, path, traffic, engaged, revenue, goals, client = fact
            if at > last_at:
                last_at = at
            if at < first_at or (at == first_at and event_id < first_id):
                first_at, first_id = at, event_id
            if at <= origin_at and client and (at < origin_at or event_id < self.origin_id):
                origin_at, self.origin_id = at, event_id
                self.traffic, self.who = traffic_values(traffic), who_values(who)
            if at <= host_at and host and (at < host_at or event_id < self.host_id):
                host_at, self.host_id, self.host = at, event_id, host
            if name in PAGE_EVENTS:
                self.page_views += 1
                self._add_page((at, event_id, path))
            elif name == PURCHASE:
                self.orders += 1
                self.revenue += revenue
            if engaged:
                engaged_ms += engaged
            if goals:
                self._add_goals(goals)
            if traffic is not INTERNAL:
                self._add_traffic(at, event_id, traffic)
        self.first_at, self.first_id, self.last_at = first_at, first_id, last_at
        self.host_at, self.origin_at = host_at, origin_at
        self.engaged_ms += engaged_ms
        self.events += len(facts)

    def merge(self, other: Part) -> None:
        """Take in another accumulator that shares no event with this one."""
        self.events += other.events
        self.engaged_ms += other.engaged_ms
        self.page_views += other.page_views
        self.conversions += other.conversions
        self.orders += other.orders
        self.revenue += other.revenue
        self.last_at = max(self.last_at, other.last_at)
        if (other.first_at, other.first_id) < (self.first_at, self.first_id):
            self.first_at, self.first_id = other.first_at, other.first_id
        if (other.origin_at, other.origin_id) < (self.origin_at, self.origin_id):
            self.origin_at, self.origin_id = other.origin_at, other.origin_id
            self.traffic, self.who = other.traffic, other.who
        if (other.host_at, other.host_id) < (self.host_at, self.host_id):
            self.host_at, self.host_id, self.host = other.host_at, other.host_id, other.host
        self.goals = sorted({*self.goals, *other.goals})
        if other.last_page is not None:
            self._keep_last(other.last_page)
        for page in other.pages:
            self._add_page(page)
        for touch in other.touches:
            self._add_touch(touch)

    def _add_page(self, page: PageSeen) -> None:
        pages = self.pages
        if not pages or page > pages[-1]:
            if len(pages) < MAX_PAGES:
                pages.append(page)
            else:
                self._keep_last(page)
            return
        insort(pages, page)
        if len(pages) > MAX_PAGES:
            self._keep_last(pages.pop())

    def _keep_last(self, page: PageSeen) -> None:
        if self.last_page is None or page > self.last_page:
            self.last_page = page

    def _add_goals(self, goals: tuple[str, ...]) -> None:
        self.conversions += 1
        for goal in goals:
            if goal not in self.goals:
                insort(self.goals, goal)

    def _add_traffic(self, at: int, event_id: bytes, traffic: Traffic) -> None:
        if traffic.channel and traffic.channel != DIRECT:
            source = traffic.utm_source or traffic.referrer_host
            self._add_touch((at, event_id, traffic.channel, source, traffic.utm_campaign))

    def _add_touch(self, touch: Touch) -> None:
        """One more than a row shows is kept: one of them may turn out the session's own."""
        touches = self.touches
        for place, known in enumerate(touches):
            if known[2:] == touch[2:]:
                if touch < known:
                    del touches[place]
                    break
                return
        insort(touches, touch)
        del touches[MAX_TOUCHES + 1 :]


def traffic_values(traffic: Traffic) -> tuple[str, ...]:
    """What a row shows of it; a session that starts from within the site is Direct."""
    if not traffic.channel:
        return (DIRECT, "", "", "", "", "", "", "")
    return (
        traffic.channel, traffic.referrer_host, traffic.utm_source, traffic.utm_medium,
        traffic.utm_campaign, traffic.utm_term, traffic.utm_content, traffic.click_id,
    )  # fmt: skip


def who_values(who: Who) -> tuple[int | str, ...]:
    """What a row shows of it."""
    device, geo = who.device, who.geo
    return (
        who.id_kind, device.type, device.browser, device.os,
        geo.country, geo.region, geo.city, who.language, who.bot,
    )  # fmt: skip
