"""Where there is room, and where there is not: the parts' directories may be on disks of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from msgspec import Struct

from footfall.settings import Settings

# What each directory is for, and so what stops when its disk is full.
_STOPS = {
    ".": "keys and sites cannot be changed, and jobs do not run",
    "log": "the gateway answers 503",
    "data": "nothing is stored, the log keeps it",
    "flow": "the flow makes no recovery point, and waits",
}


class Room(Struct, frozen=True):
    """One disk: a directory on it, what is free, and what a lack of it stops."""

    path: Path
    free: int
    stops: str


def disks(settings: Settings) -> list[Room]:
    """The disks the data directory is on, the one with the least room first."""
    by_device: dict[int, list[str]] = {}
    for name in _STOPS:
        path = settings.data_dir / name
        if path.exists():
            by_device.setdefault(path.stat().st_dev, []).append(name)
    found = [
        Room(
            settings.data_dir / names[0],
            _free(settings.data_dir / names[0]),
            "; ".join(_STOPS[name] for name in names),
        )
        for names in by_device.values()
    ]
    return sorted(found, key=lambda room: room.free)


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free
