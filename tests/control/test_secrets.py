from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import control
from control import Control
from control.secrets import DAY_MS, HOUR_MS
from tests.control.conftest import Files

DAY = 20_000
MIDNIGHT = DAY * DAY_MS


def test_salts_of_a_day_are_the_same_for_everybody(url: str) -> None:
    planes = [control.open(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda plane: plane.salts(MIDNIGHT), planes))
    assert len(found[0][DAY]) == 32
    assert all(salts == found[0] for salts in found)
    for plane in planes:
        plane.close()


def test_tomorrows_salt_is_made_in_the_last_hour(plane: Control) -> None:
    assert set(plane.salts(MIDNIGHT + 23 * HOUR_MS - 1)) == {DAY}
    late = plane.salts(MIDNIGHT + 23 * HOUR_MS)
    assert set(late) == {DAY, DAY + 1}
    assert plane.salts(MIDNIGHT + DAY_MS) == late  # yesterday's is still there


def test_no_salt_lives_longer_than_48_hours(plane: Control) -> None:
    born: dict[bytes, int] = {}
    for hour in range(24 * 6):
        now = MIDNIGHT + hour * HOUR_MS
        plane.forget_salts(now)
        salts = plane.salts(now)
        for day, value in salts.items():
            assert now - born.setdefault(value, now) < 48 * HOUR_MS
            assert day >= now // DAY_MS - 1
        assert now // DAY_MS in salts
        if hour >= 24 and hour % 24 < 12:
            assert now // DAY_MS - 1 in salts  # yesterday's, for visits across midnight
    assert len(born) == 7  # no day's salt was ever made twice


def test_a_forgotten_salt_is_in_no_file(plane: Control, files: Files) -> None:
    old = plane.salts(MIDNIGHT)[DAY]
    assert any(old in data for data in files())
    assert plane.forget_salts(MIDNIGHT + 2 * DAY_MS) == 1
    assert not any(old in data for data in files())


def test_the_stage_secret_is_made_once(plane: Control, url: str) -> None:
    other = control.open(url)
    first = plane.stage_secret("prod")
    assert len(first) == 32
    assert other.stage_secret("prod") == first
    assert other.stage_secret("dev") != first
    other.close()


def test_of_many_who_need_the_stage_secret_one_makes_it(url: str) -> None:
    planes = [control.open(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda plane: plane.stage_secret("staging"), planes))) == 1
    for plane in planes:
        plane.close()


def test_the_sqlite_file_is_its_owners_alone(sqlite_url: str, tmp_path: Path) -> None:
    control.open(sqlite_url).close()
    assert (tmp_path / "control.db").stat().st_mode & 0o077 == 0
