"""Footfall with one guarantee broken on purpose, to see that the checker notices.

`python -m tests.drill.faulty up` runs everything with the part that has the fault
replaced by `python -m tests.drill.faulty PART`, which breaks it and runs it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

FAULT = os.environ.get("FOOTFALL_TEST_FAULT", "")
PART_OF = {
    "duplicates_pass": "flow",
    "skip_off_by_one": "flow",
    "acknowledge_before_write": "gateway",
    "switch_not_looked_up": "flow",
    "split_visits_stay": "jobs",
}


def duplicates_pass() -> None:
    """No duplicate is ever recognised, and none looked up in the store."""
    from footfall.duplicates import BatchMemory
    from footfall.sessions import SessionShard
    from sinks import writer

    absorb = SessionShard.absorb_batch

    def forgetful(self: SessionShard, *args: Any) -> list[int]:
        absorb(self, *args)
        return []

    BatchMemory.seen = lambda self, key, log_time: False  # type: ignore[method-assign]
    SessionShard.absorb_batch = forgetful  # type: ignore[method-assign,assignment]
    vars(writer)["older_places"] = lambda *_: ()


def skip_off_by_one() -> None:
    """After a restart the flow believes each stored record to be its neighbour."""
    from sinks.writer import StoredPositions

    missing = StoredPositions.missing

    def shifted(self: StoredPositions, offset: int, *args: Any) -> Any:
        self._stored = self._stored._replace(first=-1)  # or it would notice, and stop
        return missing(self, offset + 1, *args)

    StoredPositions.missing = shifted  # type: ignore[method-assign,assignment]


def acknowledge_before_write() -> None:
    """The log says "durable" at once and writes a moment later."""
    from eventlog.appending import BaseAppender

    append, submit = BaseAppender.append, BaseAppender.submit

    def later(work: Any) -> None:
        def run() -> None:
            time.sleep(1)  # the gap in which a kill loses what was acknowledged
            work()

        threading.Thread(target=run, daemon=True).start()

    def eager_append(self: BaseAppender, records: Sequence[tuple[int, bytes]]) -> Future[None]:
        done: Future[None] = Future()
        done.set_result(None)
        later(lambda: append(self, records))
        return done

    def eager_submit(self: BaseAppender, records: Sequence[tuple[int, bytes]], token: Any) -> None:
        later(lambda: append(self, records))
        submit(self, [], token)

    BaseAppender.append = eager_append  # type: ignore[method-assign]
    BaseAppender.submit = eager_submit  # type: ignore[method-assign]


def switch_not_looked_up() -> None:
    """While the log has several generations the flow looks nothing up in the store."""
    from footfall.generations import Layout

    Layout.unsure_until = lambda _self, _partition: 0  # type: ignore[method-assign,assignment]


def split_visits_stay() -> None:
    """Visits that are open in two generations of the log come on no list."""
    from jobs import marking

    vars(marking)["_mark_split"] = lambda *_: None


def up() -> None:
    """As `footfall up`, with the faulty part in place of the right one."""
    from dataclasses import replace

    from cli import main
    from embedded import stack

    right = stack.parts

    def wrong(settings: Any) -> Any:
        part_name = PART_OF[FAULT]
        argv = (sys.executable, "-m", "tests.drill.faulty", part_name)
        return [replace(part, argv=argv) if part.name == part_name else part for part in right(settings)]

    stack.parts = wrong
    sys.argv = ["footfall", "up"]
    main()


def run(part: str) -> None:
    """Break, then run."""
    globals()[FAULT]()
    if part == "jobs":
        from jobs.__main__ import main as jobs_main

        sys.exit(jobs_main())
    if part == "flow":
        from flows.__main__ import main as flow_main

        sys.exit(flow_main())
    from ingest_gateway.__main__ import main as gateway_main

    sys.exit(gateway_main())


if __name__ == "__main__":
    if sys.argv[1] == "up":
        up()
    else:
        run(sys.argv[1])
