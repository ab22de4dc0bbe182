"""How often Python looks for reference cycles while a flow runs."""

from __future__ import annotations

import gc

# New objects before a look at the young ones, and how many such looks before one at the
# older ones. A flow makes no cycles of its own, and what it holds (rows not yet stored,
# open sessions) is freed by reference counts: at Python's own thresholds the looks at it
# were a fifth of all CPU time. A full buffer of rows is about 50,000 objects: with every
# threshold below that each buffer is looked at.
THRESHOLDS = (200_000, 10, 10)


def collect_seldom() -> None:
    """Call it once the program is loaded and wired."""
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no need to look at it again
    gc.set_threshold(*THRESHOLDS)
