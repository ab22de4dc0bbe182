from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import control
from control import Control


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'control.db'}"


@pytest.fixture
def plane(url: str) -> Iterator[Control]:
    opened = control.open(url)
    yield opened
    opened.close()
