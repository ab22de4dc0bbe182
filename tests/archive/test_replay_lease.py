"""A replay that may not be the only one any more writes nothing down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click
import pytest

import control
from cli.replaying import state as state_module
from cli.replaying.reading import UnreadableArchive, entries_after, find
from cli.replaying.state import leased
from control import Control, ControlAwayError
from footfall.archive import object_key
from objects.directory import DirectoryStore


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Control]:
    made = control.open(f"sqlite:///{tmp_path / 'control.db'}")
    yield made
    made.close()


def test_the_lease_is_over_when_it_could_not_be_renewed(plane: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "LEASE_MS", 400)
    monkeypatch.setattr(state_module, "RENEW_EVERY_S", 0.05)
    with leased(plane, "prod") as lease:
        until = time.monotonic() + 0.8
        while time.monotonic() < until:
            lease.check()  # it is renewed
            time.sleep(0.02)

        def away(*_: object, **__: object) -> bool:
            raise ControlAwayError("nobody there")

        monkeypatch.setattr(plane, "renew", away)
        deadline = time.monotonic() + 5
        with pytest.raises(click.ClickException, match="the same command goes on"):  # noqa: PT012 - once it is over
            while time.monotonic() < deadline:
                lease.check()
                time.sleep(0.02)


def test_an_object_that_retention_took_meanwhile_is_said_as_such(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "objects", "prod")
    day = date(2026, 11, 27)
    key = object_key("shop.example.com", day, 0, 0, 9)
    store.put(key, b"x")
    found = find(store, "shop.example.com", [day])
    store.delete(key)
    with pytest.raises(UnreadableArchive, match="deleted meanwhile"):
        list(entries_after(store, found))
