from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.micro.conftest import micro, process
from tests.sdk.node.program import DRIVEN, Program, bundled

__all__ = ["driven", "micro", "process", "program"]


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundled(DRIVEN, tmp_path_factory.mktemp("driven"))


@pytest.fixture
def program(driven: Path) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def start(**settings: Any) -> Program:
        started.append(Program(driven, **settings))
        return started[-1]

    yield start
    for one in started:
        one.kill()
