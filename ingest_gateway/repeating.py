"""A thread that does something again and again, beside the requests."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod

END_TIMEOUT_S = 5.0


class Repeating(ABC):
    """What is done is `_round`; the first one begins `pause_s` after `start`."""

    def __init__(self, name: str, pause_s: float) -> None:
        self._pause_s = pause_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the round it is in."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(END_TIMEOUT_S)

    def _run(self) -> None:
        pause_s = self._pause_s
        while not self._stop.wait(pause_s):
            pause_s = self._round()

    @abstractmethod
    def _round(self) -> float:
        """Once; how many seconds to pause after it."""
