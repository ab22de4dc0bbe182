"""A process that appends until done or killed: `python -m tests.eventlog.worker JSON`.

Record n goes to partition n % 4 and is `name n filler`. What was acknowledged is written
to the file `acks` with pwrite, one `n` a line, after the acknowledgement and never before.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any, TypedDict

from eventlog.local import LocalLog
from eventlog.protocol import LogFull

PARTITIONS = 4
IN_FLIGHT = 64


class Work(TypedDict, total=False):
    """What to do."""

    directory: str
    acks: str
    name: str
    count: int  # 0: until killed
    options: dict[str, Any]  # of LocalLog
    ack_early: bool  # before the commit: what the tests must notice


def value_of(name: str, n: int) -> bytes:
    """Record n: the same in the worker and in the test that reads it back."""
    return f"{name} {n} ".encode() + filler(n, random.Random(n).randrange(0, 3000))


def filler(seed: int, size: int) -> bytes:
    """The same bytes for the same seed, which no compression makes fewer."""
    return random.Random(seed).randbytes(size)


def main(work: Work) -> None:
    """Append, with up to IN_FLIGHT not acknowledged."""
    log = LocalLog(Path(work["directory"]), PARTITIONS, **work.get("options", {}))
    acks = os.open(work["acks"], os.O_WRONLY | os.O_CREAT, 0o600)
    room = threading.Semaphore(IN_FLIGHT)
    at = 0

    def on_done(tokens: list[int], error: LogFull | None) -> None:
        if error is not None:
            os.write(2, f"{error}\n".encode())
            os._exit(3)
        if not work.get("ack_early"):
            write_acks(tokens)
        room.release(len(tokens))

    def write_acks(tokens: list[int]) -> None:
        nonlocal at
        at += os.pwrite(acks, b"".join(b"%d\n" % n for n in tokens), at)

    appender = log.appender(on_done=on_done)
    n = 0
    while not work["count"] or n < work["count"]:
        if not room.acquire(timeout=30):
            raise SystemExit("no acknowledgement for 30 s")
        if work.get("ack_early"):
            write_acks([n])
        appender.submit([(n % PARTITIONS, value_of(work["name"], n))], n)
        n += 1
    appender.close(30)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
