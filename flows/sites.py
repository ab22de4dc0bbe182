"""The flow's view of the sites: a snapshot of the control plane, kept fresh by a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from footfall.sites import Site, Sites

logger = logging.getLogger(__name__)
REFRESH_S = 1.0


class SitesView:
    """`get` never waits, except for a site it does not know yet.

    `version` is cheap and changes with every write; `load` reads everything.
    """

    def __init__(self, version: Callable[[], int], load: Callable[[], Sites]) -> None:
        self._version = version
        self._load = load
        self._lock = threading.Lock()
        self._seen = -1
        self._checked = 0.0
        self._sites = Sites()
        self._failing = False
        self._stop = threading.Event()
        self.refresh()
        threading.Thread(target=self._keep_fresh, name="sites", daemon=True).start()

    def get(self, site_id: str) -> Site | None:
        """The site; one just added is looked up at once, so that its first event is not lost."""
        site = self._sites.by_id.get(site_id)
        # Not while the control plane is away: each look might wait for it, and the flow with it.
        if site is None and not self._failing and time.monotonic() - self._checked > 0.1:
            self._try_refresh()
            site = self._sites.by_id.get(site_id)
        return site

    def refresh(self) -> None:
        """Read the sites anew if anything changed."""
        with self._lock:
            version = self._version()
            if version != self._seen:
                self._sites = self._load()
                self._seen = version
            self._checked = time.monotonic()

    def _keep_fresh(self) -> None:
        while not self._stop.wait(REFRESH_S):
            self._try_refresh()

    def _try_refresh(self) -> None:
        """Keep the last view where the control plane does not answer."""
        try:
            self.refresh()
            self._failing = False
        except Exception as error:  # noqa: BLE001 - any fault of the control plane
            self._checked = time.monotonic()
            if not self._failing:
                logger.warning("control plane unreachable, keeping the last known sites: %s", error)
            self._failing = True

    def close(self) -> None:
        """Stop refreshing."""
        self._stop.set()
