"""The file in which the supervisor says how its parts are, on a full disk too."""

from __future__ import annotations

import json
import os
from pathlib import Path

BLOCK = 4096


def was_ready(path: Path) -> bool:
    """Whether everything was ready in a run before this one."""
    try:
        return bool(json.loads(path.read_text()).get("was_ready"))
    except (OSError, ValueError, AttributeError):
        return False


def write_status(path: Path, text: str) -> None:
    """Replace the file whole. On a full disk, where no new one can be written, the old one's
    blocks are written again: a status that stays what it was would call a dead part ready.

    Padded with spaces to whole blocks, so that what is written then is never longer.
    """
    data = text.encode()
    data += b" " * (-len(data) % BLOCK)
    new = path.with_suffix(".new")
    try:
        new.write_bytes(data)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        _overwrite(path, data)


def _overwrite(path: Path, data: bytes) -> None:
    """One write, so that a reader hardly ever sees half of it."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        if os.pwrite(descriptor, data, 0) == len(data):
            os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)
