"""`python -m tests.gateway.clock_off SECONDS PYTHON -m MODULE`: the module, on a machine whose clock is off.

What Python reads as the time of day is shifted; the steady clock, which timeouts are of, is not. (libfaketime
would shift more, but Kafka's client library then waits by two clocks, and spins.)
"""

from __future__ import annotations

import runpy
import sys
import time


def shift(seconds: int) -> None:
    """From now on."""
    wall, wall_ns = time.time, time.time_ns
    vars(time)["time"] = lambda: wall() + seconds
    vars(time)["time_ns"] = lambda: wall_ns() + seconds * 1_000_000_000


if __name__ == "__main__":
    shift(int(sys.argv[1]))
    runpy.run_module(sys.argv[-1], run_name="__main__")
