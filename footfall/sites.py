"""What Footfall knows of a site, as flows, gateway and jobs see it.

Made by the control plane, read-only here. `Sites` is one consistent snapshot.
Sessions must not depend on when a process noticed a change: a window carries the time
from which it is valid, and that is compared with the time of the event.
"""

from __future__ import annotations

from bisect import bisect_right

from msgspec import Struct

DEFAULT_WINDOW_MS = 30 * 60_000
MIN_WINDOW_MS, MAX_WINDOW_MS = 60_000, 24 * 3_600_000


class Goal(Struct, frozen=True, kw_only=True):
    """A named predicate over one event: all that is set must match.

    `path` is a pattern where `*` stands for anything within a path segment and `**` for
    anything; `props` are compared as text.
    """

    name: str
    event: str = ""
    path: str = ""
    props: tuple[tuple[str, str], ...] = ()


class Window(Struct, frozen=True, kw_only=True):
    """The inactivity window from a moment on."""

    valid_from: int  # ms, compared with occurred_at
    window_ms: int


class Site(Struct, frozen=True, kw_only=True):
    """One site's settings."""

    site_id: str
    public_id: str = ""
    domains: tuple[str, ...] = ()  # each also stands for its subdomains
    timezone: str = "UTC"
    currency: str = ""
    windows: tuple[Window, ...] = ()  # sorted by valid_from
    goals: tuple[Goal, ...] = ()
    excluded_paths: tuple[str, ...] = ()
    strict_privacy: bool = False  # GPC/DNT: nothing is counted at all
    script_name: str = ""  # what the script is called for this site too, as in shop.js; empty: nothing else
    endpoint_path: str = ""  # where batches are taken for this site too, as in /s/collect; empty: nowhere else

    def window_ms(self, occurred_at: int) -> int:
        """The inactivity window an event of that time carries."""
        if not self.windows:
            return DEFAULT_WINDOW_MS
        place = bisect_right(self.windows, occurred_at, key=lambda w: w.valid_from)
        return self.windows[place - 1].window_ms if place else DEFAULT_WINDOW_MS


class Sites(Struct, frozen=True, kw_only=True):
    """All sites, by id."""

    by_id: dict[str, Site] = {}

    def get(self, site_id: str) -> Site | None:
        """The site, or None where there is none of that id."""
        return self.by_id.get(site_id)
