"""Room on the disk that a flow keeps its state on.

A flow whose disk is full cannot make a recovery point and ends. What it read since the last
one is read again, so nothing is lost; but to start again before there is room would do the
same work over and over.
"""

from __future__ import annotations

import errno
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)
NEEDED_BYTES = 4 * 1024 * 1024  # a recovery point of a small site, and Bytewax's own file
POLL_S = 1.0
TELL_EVERY = 30  # looks
# SQLite's and Bytewax's words for it; the latter's error carries no number.
_FULL = ("disk is full", "DiskFull", "No space left on device", "Disk quota exceeded")


def wait_for_room(directory: Path, stop: threading.Event) -> bool:
    """Until there is room; False if told to stop meanwhile."""
    looks = 0
    while (free := shutil.disk_usage(directory).free) < NEEDED_BYTES:
        if looks % TELL_EVERY == 0:
            logger.warning("%s", no_room(directory, free))
        looks += 1
        if stop.wait(POLL_S):
            return False
    if looks:
        logger.info("there is room on the disk of %s again", directory)
    return True


def no_room(directory: Path, free: int) -> str:
    """What to tell a person."""
    return (
        f"the disk of {directory} is full ({free / 1024**2:.1f} MiB free). Make room: the flow then goes on "
        "by itself, and nothing is lost, the log keeps what comes in"
    )


def ran_out_of_room(error: BaseException) -> bool:
    """Whether a full disk is behind an error."""
    return any(_is_full(link) for link in _chain(error))


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in _FULL)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
