"""Two `footfall log grow` at once: one of them makes the generation, the other is told so."""

from __future__ import annotations

import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest

import control
from cli.log import _add, _open
from eventlog.protocol import WrongLogError
from footfall.generations import GrowthError
from footfall.settings import Settings
from tests.fixtures.kafka import KafkaCluster

REFUSALS = (GrowthError, WrongLogError, click.ClickException)  # what a command ends with, in words


@pytest.fixture(params=["local", "kafka"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    stage = f"once{secrets.token_hex(4)}"
    mine = Settings(data_dir=tmp_path, stage=stage, dev_stage="", partitions=2)
    if request.param == "local":
        return mine
    kafka: KafkaCluster = request.getfixturevalue("kafka")
    return mine.model_copy(update={"kafka_bootstrap": kafka.bootstrap, "kafka_replication": 1})


def grow_at_once(settings: Settings, sizes: tuple[int, int]) -> list[int | str]:
    """What comes of each: the partitions of the generation it made or goes on with, or what it was told."""
    together = threading.Barrier(len(sizes), timeout=20)

    def grow(size: int) -> int | str:
        plane = control.open(settings.control_plane_url())
        try:
            together.wait()
            return _add(settings, plane, settings.stage, size).partitions
        except REFUSALS as error:
            return str(error)
        finally:
            plane.close()

    control.open(settings.control_plane_url()).close()  # its tables are there
    with ThreadPoolExecutor(len(sizes)) as pool:
        return list(pool.map(grow, sizes))


def sizes_of(settings: Settings) -> list[int]:
    plane = control.open(settings.control_plane_url())
    try:
        return [one.partitions for one in plane.log_layout(settings.stage, settings.partitions).generations]
    finally:
        plane.close()


def test_of_two_sizes_one_wins(settings: Settings) -> None:
    results = grow_at_once(settings, (6, 9))
    [won] = [one for one in results if isinstance(one, int)]
    [told] = [one for one in results if isinstance(one, str)]
    assert sizes_of(settings) == [2, won]
    assert f"{won} partitions" in told or f"--partitions {won} " in told, told


def test_of_one_size_there_is_one_generation(settings: Settings) -> None:
    """Who is not told goes on with what the other one made."""
    results = grow_at_once(settings, (6, 6))
    assert sizes_of(settings) == [2, 6]
    told = [one for one in results if isinstance(one, str)]
    assert len(told) < 2
    assert all("another `footfall log grow` made it" in one for one in told)


def test_who_goes_on_with_it_does_not_take_it_into_use_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`opened_at` tells from when on nobody writes to the generation before it."""
    settings = Settings(data_dir=tmp_path, stage="prod", dev_stage="", partitions=2)
    plane = control.open(settings.control_plane_url())
    added = _add(settings, plane, "prod", 6)
    plane.open_generation("prod", added.number, now=1_000)
    _open(settings, plane, "prod", added)
    assert plane.log_layout("prod", 2).newest.opened_at == 1_000
    assert "has taken generation 2 into use meanwhile" in capsys.readouterr().out
    plane.close()
