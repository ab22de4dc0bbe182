"""The flow's view of the sites: a snapshot of the control plane, kept fresh by a thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from footfall.sites import Site, Sites

logger = logging.getLogger(__name__)
REFRESH_S = 1.0
MAX_LOOKS = 100  # for sites not known, between two refreshes
PATIENCE_S = 10.0  # with a control plane that is away, in all until it is back: a restart of its server


class SitesView:
    """`get` never waits, except for a site it does not know yet.

    `version` is cheap and changes with every write; `load` reads everything.
    """

    def __init__(self, version: Callable[[], int], load: Callable[[], Sites]) -> None:
        self._version = version
        self._load = load
        self._lock = threading.Lock()
        self._seen = -1
        self._sites = Sites()
        self._unknown: set[str] = set()  # looked for since the last refresh
        self._reachable = threading.Event()
        self._patience_s = 0.0
        self._stop = threading.Event()
        self.refresh()
        self._reachable.set()
        threading.Thread(target=self._keep_fresh, name="sites", daemon=True).start()

    def get(self, site_id: str) -> Site | None:
        """The site. One just added is looked up at once, so that its first event is not lost; while the
        control plane is away, that waits for it, though once for a few seconds only: the other sites wait, too."""
        site = self._sites.by_id.get(site_id)
        if site is None and self._reachable.is_set() and site_id not in self._unknown:
            if len(self._unknown) < MAX_LOOKS:
                self._unknown.add(site_id)
                self._try_refresh()
            site = self._sites.by_id.get(site_id)
        if site is None and not self._reachable.is_set() and self._patience_s > 0:
            began = time.monotonic()
            self._reachable.wait(self._patience_s)
            self._patience_s -= time.monotonic() - began
            site = self._sites.by_id.get(site_id)
        return site

    def refresh(self) -> None:
        """Read the sites anew if anything changed."""
        with self._lock:
            version = self._version()
            if version != self._seen:
                self._sites = self._load()
                self._seen = version

    def _keep_fresh(self) -> None:
        while not self._stop.wait(REFRESH_S):
            self._try_refresh()
            self._unknown.clear()

    def _try_refresh(self) -> None:
        """Keep the last view where the control plane does not answer."""
        try:
            self.refresh()
        except Exception as error:  # noqa: BLE001 - any fault of the control plane
            if self._reachable.is_set():
                logger.warning("control plane unreachable, keeping the last known sites: %s", error)
                self._patience_s = PATIENCE_S
            self._reachable.clear()
        else:
            if not self._reachable.is_set():
                logger.info("the control plane is reachable again")
            self._reachable.set()

    def close(self) -> None:
        """Stop refreshing."""
        self._stop.set()
