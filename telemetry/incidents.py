"""One line an incident: trouble is told when it begins, now and then while it lasts, and when it is over."""

from __future__ import annotations

import logging
import threading
import time

REPEAT_S = 30.0


class Incident:
    """One kind of trouble of one thing. Thread-safe.

    `quiet_s`: without trouble, before it is said to be over (where one partition may work and another not).
    """

    def __init__(self, logger: logging.Logger, *, quiet_s: float = 0.0, level: int = logging.WARNING) -> None:
        self._logger = logger
        self._quiet_s = quiet_s
        self._level = level
        self._lock = threading.Lock()
        self._begun = self._told_at = self._last_at = 0.0  # monotonic
        self._times = 0  # 0: all is well

    def met(self, text: str) -> None:
        """Something is wrong; `text` says what, and what to do."""
        now = time.monotonic()
        with self._lock:
            if not self._times:
                self._begun = now
            self._times += 1
            self._last_at = now
            times = self._times
            if times > 1 and now - self._told_at < REPEAT_S:
                return
            self._told_at = now
            lasted = now - self._begun
        self._logger.log(self._level, "%s%s", text, f" (for {lasted:.0f} s, {times} times)" if times > 1 else "")

    def over(self, text: str) -> None:
        """It works, perhaps again: `text` says so."""
        if not self._times:
            return
        now = time.monotonic()
        with self._lock:
            if not self._times or now - self._last_at < self._quiet_s:
                return
            lasted, times, self._times = now - self._begun, self._times, 0
        self._logger.info("%s (after %.0f s, %d times)", text, lasted, times)
