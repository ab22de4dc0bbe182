"""What doctor is told of partitions without a worker."""

from __future__ import annotations

import time
from pathlib import Path

import control
from cli.worker import without_worker
from footfall.settings import Settings


def test_a_stage_that_is_served_no_more_needs_no_worker(tmp_path: Path) -> None:
    served = Settings(data_dir=tmp_path, partitions=2)
    plane = control.open(served.control_plane_url())
    plane.adopt_partition("prod-0000", "dir:1", "here", "worker 0", now=time.time_ns() // 1_000_000)
    for key in ("prod-0001", "dev-0000"):
        plane.adopt_partition(key, "dir:1", "here", "worker 1", now=0)
    plane.close()
    assert without_worker(served) == (["dev-0000", "prod-0001"], 3)
    assert without_worker(Settings(data_dir=tmp_path, partitions=2, dev_stage="")) == (["prod-0001"], 2)
