from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.micro.running import MicroProcess


@pytest.fixture(scope="module")
def process() -> Iterator[MicroProcess]:
    running = MicroProcess()
    yield running
    assert running.close() == ""
    assert running.process.returncode == 0


@pytest.fixture
def micro(process: MicroProcess) -> MicroProcess:
    """With nothing in it."""
    process.reset()
    return process
