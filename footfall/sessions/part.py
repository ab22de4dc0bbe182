"""The accumulator: what is known of one run's events of one UTC day.

Adding and merging are associative and commutative; which events are new (idempotence)
is decided before, by event id, in `footfall.sessions.visitor`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from itertools import chain, compress

from msgspec import Struct

from footfall.enrich.batch import INTERNAL, Traffic
from footfall.ids import session_id
from footfall.names import PAGE_EVENTS
from footfall.sessions.facts import PURCHASE, Columns, Who
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
    # The first event that is not from a server: traffic, host, device and place are its.
    origin_at: int = NEVER
    origin_id: bytes = b""
    traffic: tuple[str, ...] = ()  # traffic_values
    who: tuple[int | str, ...] = ()  # who_values
    host: str = ""
    pages: list[PageSeen] = []  # the first MAX_PAGES, sorted
    last_page: PageSeen | None = None  # only where there were more
    goals: list[str] = []  # sorted
    # Every source once, at its first time; the first MAX_TOUCHES + 1 (one of them may
    # turn out the session's own). The origin's is left out while it is the earliest.
    touches: list[Touch] = []
    row_id: int = 0  # session id, worked out for first_id; 0: not yet

    @property
    def has_client(self) -> bool:
        """Whether there is an event that opens a session."""
        return self.origin_at != NEVER

    def session_id(self, site_id: str, visitor_id: int) -> int:
        """The id of the session that starts with this part."""
        if not self.row_id:
            self.row_id = session_id(site_id, visitor_id, self.first_id)
        return self.row_id

    def add(self, facts: Columns, first_at: int, last_at: int, who: Who) -> None:
        """Take in events that are new, of this day and of one record; first and last are
        the bounds of their times."""
        times, ids, names, hosts, paths, traffic, engaged_ms, revenues, goals, clients = facts
        place = times.index(first_at)
        if times.count(first_at) > 1:
            place = min((i for i, at in enumerate(times) if at == first_at), key=ids.__getitem__)
        first = (first_at, ids[place])
        if first < (self.first_at, self.first_id):
            self.first_at, self.first_id = first
            self.row_id = 0
        if clients[place] and first < (self.origin_at, self.origin_id):
            self._move_origin(first, traffic_values(traffic[place]), who_values(who), hosts[place])
        self.last_at = max(self.last_at, last_at)
        self.events += len(times)
        self.engaged_ms += sum(engaged_ms)
        seen = list(compress(zip(times, ids, paths), map(_is_page, names)))  # noqa: B905 - of one length
        if seen:
            self._add_pages(seen)
        if PURCHASE in names:
            self.orders += names.count(PURCHASE)
            self.revenue += sum(revenues)
        if any(goals):
            self._add_goals(goals)
        if traffic.count(INTERNAL) != len(traffic):
            for place, source in enumerate(traffic):
                channel = source.channel
                if channel and channel != DIRECT:
                    key = (channel, source.utm_source or source.referrer_host, source.utm_campaign)
                    self._add_touch((times[place], ids[place], *key))

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
            self.row_id = other.row_id
        origin = (other.origin_at, other.origin_id)
        if origin < (self.origin_at, self.origin_id):
            self._move_origin(origin, other.traffic, other.who, other.host)
        elif other.has_client:
            self._add_touch((*origin, *touch_key(other.traffic)))
        self.goals = sorted({*self.goals, *other.goals})
        if other.last_page is not None:
            self._keep_last(other.last_page)
        for page in other.pages:
            self._add_page(page)
        for touch in other.touches:
            self._add_touch(touch)

    def _move_origin(
        self, origin: tuple[int, bytes], traffic: tuple[str, ...], who: tuple[int | str, ...], host: str
    ) -> None:
        before = (self.origin_at, self.origin_id, self.traffic)
        (self.origin_at, self.origin_id), self.traffic, self.who, self.host = origin, traffic, who, host
        if before[2]:
            self._add_touch((before[0], before[1], *touch_key(before[2])))

    def _add_pages(self, seen: list[PageSeen]) -> None:
        self.page_views += len(seen)
        pages = self.pages
        in_order = not pages or seen[0] > pages[-1]
        if in_order and len(pages) + len(seen) <= MAX_PAGES and seen == sorted(seen):
            self.pages = pages + seen if pages else seen
        else:
            for page in seen:
                self._add_page(page)

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

    def _add_goals(self, goals: Sequence[tuple[str, ...]]) -> None:
        self.conversions += sum(map(bool, goals))
        self.goals = sorted({*self.goals, *chain.from_iterable(goals)})

    def _add_touch(self, touch: Touch) -> None:
        key = touch[2:]
        if not key[0] or key[0] == DIRECT:
            return
        if key == touch_key(self.traffic) and touch[:2] >= (self.origin_at, self.origin_id):
            return
        for place, known in enumerate(self.touches):
            if known[2:] == key:
                if touch > known:
                    return
                del self.touches[place]
                break
        insort(self.touches, touch)
        del self.touches[MAX_TOUCHES + 1 :]


_is_page = PAGE_EVENTS.__contains__


def touch_key(traffic: tuple[str, ...]) -> tuple[str, str, str]:
    """What tells one source of visits from another: channel, source, campaign."""
    if not traffic:
        return ("", "", "")
    channel, referrer_host, utm_source, _, utm_campaign, *_ = traffic
    return (channel, utm_source or referrer_host, utm_campaign)


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
