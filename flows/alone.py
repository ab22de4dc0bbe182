"""One flow per directory of recovery state: two would store everything twice."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def hold_alone(directory: Path) -> bool:
    """Take the directory for this process until it ends, however it ends (flock); False if it is taken."""
    handle = os.open(directory / "flow.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    return True
