from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from control import Control, ControlError, NotFoundError
from control.keys import split_key
from tests.control.conftest import Files

NOW = 1_700_000_000_000
HOUR = 3_600_000


@pytest.fixture
def site(plane: Control) -> str:
    return plane.add_site("a.example", now=NOW).site_id


def test_a_key_opens_with_its_secret_alone(plane: Control, site: str) -> None:
    info, text = plane.create_key(site, now=NOW, label="backend", networks=["10.1.2.3/8"])
    key_id, secret = split_key(text) or ("", "")
    assert key_id == info.key_id
    key = plane.server_keys()[key_id]
    assert key.opens(secret, NOW)
    assert not key.opens(secret + "x", NOW)
    assert not key.opens("\ud800", NOW)
    assert key.networks == ("10.0.0.0/8",)


def test_the_secret_is_in_no_file(plane: Control, site: str, files: Files) -> None:
    _, text = plane.create_key(site, now=NOW)
    secret = text.split("_", 2)[2].encode()
    assert any(b"a.example" in data for data in files())
    assert not any(secret in data for data in files())


def test_a_key_expires(plane: Control, site: str) -> None:
    info, text = plane.create_key(site, now=NOW, expires_at=NOW + 10)
    secret = text.split("_", 2)[2]
    key = plane.server_keys()[info.key_id]
    assert key.opens(secret, NOW + 9)
    assert not key.opens(secret, NOW + 10)
    assert info.state(NOW + 10) == "expired"


def test_rotation_overlaps(plane: Control, site: str) -> None:
    old, old_text = plane.create_key(site, now=NOW, label="backend", rate=5, burst=7)
    new, new_text = plane.rotate_key(old.key_id, now=NOW, overlap_hours=2)
    keys = plane.server_keys()
    assert keys[old.key_id].opens(old_text.split("_", 2)[2], NOW + 2 * HOUR - 1)
    assert not keys[old.key_id].opens(old_text.split("_", 2)[2], NOW + 2 * HOUR)
    assert keys[new.key_id].opens(new_text.split("_", 2)[2], NOW + 3 * HOUR)
    assert (new.label, new.rate, new.burst) == ("backend", 5, 7)


def test_a_key_is_rotated_once(plane: Control, site: str) -> None:
    old, _ = plane.create_key(site, now=NOW)
    new, _ = plane.rotate_key(old.key_id, now=NOW, overlap_hours=24)
    assert new.expires_at == 0
    with pytest.raises(ControlError, match=f"{new.key_id} follows it"):
        plane.rotate_key(old.key_id, now=NOW + HOUR, overlap_hours=24)
    assert {key.key_id for key in plane.list_keys()} == {old.key_id, new.key_id}
    third, _ = plane.rotate_key(new.key_id, now=NOW + HOUR, overlap_hours=24)
    assert third.expires_at == 0


def test_a_successor_lives_as_long_as_the_key_was_meant_to(plane: Control, site: str) -> None:
    old, _ = plane.create_key(site, now=NOW, expires_at=NOW + 30 * 24 * HOUR)
    new, _ = plane.rotate_key(old.key_id, now=NOW + HOUR, overlap_hours=2)
    assert new.expires_at == NOW + HOUR + 30 * 24 * HOUR
    assert plane.key(old.key_id).expires_at == NOW + 3 * HOUR


@pytest.mark.parametrize("hours", [math.nan, math.inf, -math.inf, -1.0, 1e9])
def test_a_wrong_overlap_makes_no_key(plane: Control, site: str, hours: float) -> None:
    old, _ = plane.create_key(site, now=NOW)
    with pytest.raises(ControlError, match="overlap"):
        plane.rotate_key(old.key_id, now=NOW, overlap_hours=hours)
    assert plane.list_keys() == [old]


def test_of_two_rotations_at_once_one_wins(plane: Control, site: str) -> None:
    old, _ = plane.create_key(site, now=NOW)

    def rotate(_turn: int) -> bool:
        try:
            plane.rotate_key(old.key_id, now=NOW, overlap_hours=1)
        except ControlError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(rotate, range(4))) == 1
    assert len(plane.list_keys()) == 2


def test_numbers_and_times_come_back_exactly(plane: Control, site: str) -> None:
    rate, burst, now = 0.1 + 0.2, 1e9 / 3, 1_700_000_000_123
    info, _ = plane.create_key(site, now=now, rate=rate, burst=burst, expires_at=now + 36_525 * 24 * HOUR)
    found = plane.key(info.key_id)
    assert (found.rate, found.burst, found.created_at) == (rate, burst, now)
    assert found.expires_at == now + 36_525 * 24 * HOUR
    assert plane.server_keys()[info.key_id].expires_at == found.expires_at


def test_revoking(plane: Control, site: str) -> None:
    info, _ = plane.create_key(site, now=NOW)
    plane.revoke_key(info.key_id, now=NOW)
    assert plane.server_keys() == {}
    assert plane.key(info.key_id).state(NOW) == "revoked"
    with pytest.raises(NotFoundError):
        plane.revoke_key(info.key_id, now=NOW)
    with pytest.raises(ControlError, match="revoked"):
        plane.rotate_key(info.key_id, now=NOW, overlap_hours=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": 0}, {"rate": math.nan}, {"rate": math.inf}, {"burst": 0}, {"burst": math.nan},
        {"expires_at": NOW}, {"expires_at": 10**30}, {"networks": ["x"]},
    ],
)  # fmt: skip
def test_wrong_wishes_are_refused(plane: Control, site: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        plane.create_key(site, now=NOW, **wrong)  # type: ignore[arg-type]  # the point of the test


def test_a_key_needs_a_site(plane: Control) -> None:
    with pytest.raises(NotFoundError):
        plane.create_key("nowhere.example", now=NOW)


@pytest.mark.parametrize("text", ["", "sk_", "sk_a", "sk_a_", "pub_a_b", "sk__b", "nonsense"])
def test_what_is_no_key(text: str) -> None:
    assert split_key(text) is None
