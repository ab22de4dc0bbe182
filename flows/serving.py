"""Which partitions a flow serves, and noticing that they are no longer the same."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from control import CONTROL_FAULTS
from flows.items import PartitionKey
from footfall.generations import Layout
from telemetry.incidents import Incident

logger = logging.getLogger(__name__)
LOOK_S = 1.0

Layouts = Mapping[str, Layout]  # by stage


def served_keys(layouts: Layouts) -> list[PartitionKey]:
    """Every partition of a flow, of all stages. Drained ones too: recovery state names them, and Bytewax
    begins only where each of its partitions has somebody to go to."""
    return [
        PartitionKey(stage, number)
        for stage, layout in layouts.items()
        for one in layout.generations
        for number in one.numbers
    ]


def drained_keys(layouts: Layouts) -> set[PartitionKey]:
    """Those of them that are read no more."""
    return set(served_keys(layouts)) - {
        PartitionKey(stage, number) for stage, layout in layouts.items() for number in layout.partitions
    }


class LayoutWatch:
    """The layouts as they are now. Asks the flow to end once it is to serve other partitions: a
    dataflow's are fixed when it is made.

    `version` is cheap and changes with every write; `load` reads the layouts. While the control
    plane is away the flow goes on as it is.
    """

    def __init__(
        self, served: Layouts, version: Callable[[], int], load: Callable[[], Layouts], stop: threading.Event
    ) -> None:
        self.ended_flow = False  # whether it was this that asked the flow to end
        self._layouts = served
        self._keys, self._drained = served_keys(served), drained_keys(served)
        self._version = version
        self._load = load
        self._stop = stop
        self._seen = -1
        self._closed = threading.Event()
        self._bug = Incident(logger, level=logging.ERROR)
        threading.Thread(target=self._run, name="layouts", daemon=True).start()

    def unsure_until(self, key: PartitionKey) -> int:
        """See `Layout.unsure_until`, as the log is now."""
        return self._layouts[key.stage].unsure_until(key.partition)

    def _run(self) -> None:
        while not self._closed.wait(LOOK_S):
            try:
                self._look()
            except CONTROL_FAULTS as error:  # `flows/sites.py` asks as often, and warns of it
                logger.debug("the layout of the log cannot be read: %s", error)
            except Exception as error:  # noqa: BLE001 - a bug: told, and the thread has to live
                self._bug.met(f"the layout of the log cannot be read, a fault of Footfall's own: {error!r}")
            else:
                self._bug.over("the layout of the log can be read again")

    def _look(self) -> None:
        version = self._version()
        if version == self._seen or self._stop.is_set():
            return
        layouts = self._load()
        self._seen = version  # read before the layouts: a change in between is seen next time
        self._layouts = layouts
        if (served_keys(layouts), drained_keys(layouts)) != (self._keys, self._drained):
            told = "; ".join(f"{stage} has generations {numbers(layout)}" for stage, layout in layouts.items())
            logger.info("the log has other partitions (%s): finishing what is in hand, to begin with them", told)
            self.ended_flow = True
            self._stop.set()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()


def numbers(layout: Layout) -> str:
    """`1, 2`: the served generations."""
    return ", ".join(str(one.number) for one in layout.served)
