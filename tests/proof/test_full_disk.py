"""Disks that are full: of the store, of the flow's state and recovery file, of the log, of the
control plane. A person is told, memory stays bounded, and nothing acknowledged is lost.

All of them with Footfall whole, as a drill. In every run each part has its own: test_full_disk.py in tests/sinks
(the store's, of bytes and of files), tests/flows, tests/eventlog, tests/control and tests/jobs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.disk import SmallDisks
from tests.proof.full_disk import DISKS


@pytest.mark.drill
@pytest.mark.timeout(240)
def test_every_disk_gets_full_and_nothing_is_lost(small_disks: SmallDisks, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    mounts = {data_dir / name: f"mode=700,size={size}" for name, size in DISKS.items()}
    out = small_disks.run(mounts, "-m", "tests.proof.full_disk", str(data_dir), timeout_s=220)
    assert "events" in out
