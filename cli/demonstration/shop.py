"""The demo's site in the control plane."""

from __future__ import annotations

import time

from sqlalchemy import update

import control
from control.schema import site_window
from embedded.traffic import SITE
from footfall.settings import Settings
from footfall.sites import Goal, Site


def make_shop(settings: Settings, window_s: float) -> tuple[Site, str]:
    """The site with its goals, made if it is not there, and the text of a new server key."""
    plane = control.open(settings.control_plane_url())
    now = time.time_ns() // 1_000_000
    try:
        if SITE not in plane.sites().by_id:
            plane.add_site(SITE, now=now, timezone="Europe/Berlin", currency="EUR")
            plane.set_goal(SITE, Goal(name="bought", event="purchase"))
            plane.set_goal(SITE, Goal(name="read the blog", event="page_view", path="/blog/*"))
            # Shorter than people may set: a demo does not last for half an hour.
            with plane.writing() as connection:
                window = update(site_window).where(site_window.c.site_id == SITE)
                connection.execute(window.values(window_ms=int(window_s * 1000)))
        _, key = plane.create_key(SITE, now=now, label="demo")
        return plane.site(SITE), key
    finally:
        plane.close()
