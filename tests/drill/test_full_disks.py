"""Disks of the servers that are full: of Kafka's brokers, of PostgreSQL and of the object store.

Those of Footfall's own parts are in tests/proof/test_full_disk.py."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.drill.full_disks import DISKS
from tests.fixtures.disk import SmallDisks


@pytest.mark.drill
@pytest.mark.timeout(400)
def test_full_disks_of_the_servers_lose_nothing(small_disks: SmallDisks, tmp_path: Path) -> None:
    mounts = {tmp_path / name: f"mode=755,size={size}" for name, size in DISKS.items()}
    with tempfile.TemporaryDirectory(prefix="full-") as postgres:
        mounts[Path(postgres)] = "mode=755,size=150m"
        arguments = ("-m", "tests.drill.full_disks", str(tmp_path), postgres)
        out = small_disks.run(mounts, *arguments, timeout_s=380)
    assert "events" in out
