"""What of the raw archive waits on this machine for the object store."""

from __future__ import annotations

import time

from msgspec import Struct

from cli.trouble import Trouble
from embedded.view import duration
from flows.home import homes_in
from flows.spool import ARCHIVE_DIR
from footfall.settings import Settings

PATIENCE_S = 600.0  # beyond the time records are gathered for


class Spooled(Struct, frozen=True):
    """All partitions' spools in a data directory. What was shipped minutes ago may be among it."""

    size: int  # bytes
    waits_s: float  # since the oldest file was added to; 0: there is none


def spooled(settings: Settings) -> Spooled:
    """How much there is, and for how long."""
    size, oldest, now = 0, 0.0, time.time()
    for home in homes_in(settings.data_dir):
        for path in (home / ARCHIVE_DIR).glob("*/*.seg"):
            try:
                found = path.stat()
            except FileNotFoundError:  # shipped just now
                continue
            size += found.st_size
            oldest = max(oldest, now - found.st_mtime)
    return Spooled(size, oldest)


def archive_troubles(settings: Settings, found: Spooled) -> list[Trouble]:
    """Whether the object store takes what is archived."""
    if not settings.archive_days or found.waits_s < settings.archive_minutes * 60 + PATIENCE_S:
        return []
    limit = settings.archive_spool_megabytes * 1024**2
    said = f"the raw archive has waited for the object store for {duration(found.waits_s)}"
    is_full = found.size >= 0.95 * limit
    if is_full:
        said += f", its spool is full ({found.size / 1024**2:,.0f} MiB) and the flow waits: nothing is stored"
    where = settings.objects_endpoint or settings.objects_dir()
    mend = f"does {where} answer, and take objects? {settings.data_dir / 'logs' / 'flow.log'} says what it said"
    return [Trouble("archive", said, mend, grave=is_full)]
