"""A Redis that cannot save its snapshots refuses every write (MISCONF): live counters and shared rate limits
go on without it, say so once, and are right again when there is room.

Footfall's own Valkey saves nothing, so that this is about servers of an operator's own.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.fixtures.disk import SmallDisks
from tests.live.full_disk import REVENUE


def test_a_redis_without_room_for_its_snapshots(small_disks: SmallDisks) -> None:
    with tempfile.TemporaryDirectory(prefix="full-") as folder:  # the path of a socket has at most 107 bytes
        arguments = ("-m", "tests.live.full_disk", folder)
        said = small_disks.run({Path(folder): "size=4m"}, *arguments).splitlines()
    told = [line for line in said if "Redis does not take them" in line]
    assert len(told) == 1, said
    assert "it cannot write its files, most likely because its disk is full" in told[0]
    assert str(REVENUE) not in told[0], "figures of a site are not for logs"
    assert sum("live counters: Redis takes them again" in line for line in said) == 1
    limits = [line for line in said if "each gateway has its own now" in line]
    assert len(limits) == 2, "once by each gateway"
    assert all("MISCONF" in line for line in limits)
    assert sum("rate limits: shared through Redis again" in line for line in said) == 2
