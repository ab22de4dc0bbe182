"""A running worker's claims on its partitions: renewed, and looked at before anything is written.

A worker that hung and whose partitions were given away meanwhile must not go on when it wakes. Who
gives them away waits until it was not seen for `ownership.FRESH_MS`; and a worker that could not
renew for `UNSURE_S`, which is shorter, asks before each insert whether it still may.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence

from control import CONTROL_FAULTS, Control
from flows.home import Home
from flows.ownership import wall_ms

logger = logging.getLogger(__name__)
RENEW_S = 5.0
UNSURE_S = 10.0
ASK_AGAIN_S = 30.0  # where the control plane does not answer


class ClaimLost(RuntimeError):
    """A partition of this worker is another's by now."""


class Claims:
    """`check` raises `ClaimLost`; after that nothing is written any more.

    While the control plane is away a worker goes on: nobody who is cut off like it can take its
    partitions then. (Where it alone is cut off, `footfall worker reset` can: docs/scaling.md.)
    """

    def __init__(
        self, plane: Control, home: Home, keys: Sequence[str], worker: str, stop: threading.Event
    ) -> None:
        self._plane = plane
        self._home = home
        self._keys = keys
        self._worker = worker
        self._stop = stop
        self._ended = threading.Event()
        self._failing = False
        self.lost = False
        self._sure_at = self._ask_at = time.monotonic()
        self._renew()
        self._thread = threading.Thread(target=self._run, name="claims", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise `ClaimLost` if a partition was lost."""
        now = time.monotonic()  # which goes on while a process is stopped
        if not self.lost and now > self._sure_at + UNSURE_S and now >= self._ask_at:
            self._ask()
        if self.lost:
            raise ClaimLost(
                f"partitions of {self._worker} were given to another one: this one does not write any more. "
                "`footfall worker list` shows who has them"
            )

    def _ask(self) -> None:
        """Whether it is still so: reading works on a full disk too."""
        try:
            self._told(self._plane.holds_partitions(self._home.holder, self._keys))
        except CONTROL_FAULTS:  # its last word holds; `_renew` has logged that it is away
            self._ask_at = time.monotonic() + ASK_AGAIN_S

    def _run(self) -> None:
        while not self._ended.wait(RENEW_S) and not self.lost:
            self._renew()

    def _renew(self) -> None:
        home = self._home
        try:
            held = self._plane.see_partitions(home.holder, self._keys, home.place, self._worker, now=wall_ms())
        except CONTROL_FAULTS as error:  # its last word holds
            if not self._failing:
                logger.warning("control plane unreachable, claims on partitions are not renewed: %s", error)
            self._failing = True
            return
        self._failing = False
        self._told(held)

    def _told(self, held: bool) -> None:
        if held:
            self._sure_at = time.monotonic()
        else:
            self.lost = True
            self._stop.set()

    def close(self) -> None:
        """Say that this worker has ended in order."""
        self._ended.set()
        self._thread.join(10)
        if not self.lost:
            try:
                self._plane.see_partitions(self._home.holder, self._keys, self._home.place, self._worker, now=0)
            except CONTROL_FAULTS as error:  # the partitions count as worked on until `FRESH_MS` is over
                logger.warning("control plane unreachable, the claims stay for a while: %s", error)
