"""The flow's view of the sites while the control plane is away."""

from __future__ import annotations

import logging
import threading
import time

import pytest

import flows.sites
from flows.sites import SitesView
from footfall.sites import Site, Sites


class Plane:
    """A control plane that can be away."""

    def __init__(self) -> None:
        self.away = False
        self.looks = 0
        self.sites = [Site(site_id="old")]

    def version(self) -> int:
        self.looks += 1
        if self.away:
            raise ConnectionError("nobody there")
        return len(self.sites)

    def load(self) -> Sites:
        return Sites(by_id={site.site_id: site for site in self.sites})


@pytest.fixture
def plane() -> Plane:
    return Plane()


def test_a_site_just_added_is_found_at_once(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.sites, "REFRESH_S", 3600.0)
    view = SitesView(plane.version, plane.load)
    plane.sites.append(Site(site_id="new"))
    assert view.get("new") == Site(site_id="new")
    view.close()


def test_what_is_not_known_is_looked_for_once_between_refreshes(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows.sites, "REFRESH_S", 3600.0)
    view = SitesView(plane.version, plane.load)
    before = plane.looks
    assert [view.get("none") for _ in range(50)] == [None] * 50
    assert plane.looks == before + 1
    assert not any(view.get(f"none-{number}") for number in range(500))
    assert plane.looks == before + flows.sites.MAX_LOOKS
    view.close()


def test_a_site_added_before_a_short_outage_is_waited_for(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(flows.sites, "REFRESH_S", 0.05)
    view = SitesView(plane.version, plane.load)
    plane.away = True
    plane.sites.append(Site(site_id="new"))
    back = threading.Timer(0.5, lambda: setattr(plane, "away", False))
    back.start()
    began = time.monotonic()
    assert view.get("new") == Site(site_id="new")
    assert time.monotonic() - began >= 0.4
    view.close()
    said = [record.getMessage() for record in caplog.records]
    assert said[0].startswith("control plane unreachable")
    assert said[1:] == ["the control plane is reachable again"]


def test_a_long_outage_keeps_the_other_sites_waiting_once(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.sites, "REFRESH_S", 0.02)
    monkeypatch.setattr(flows.sites, "PATIENCE_S", 0.5)
    view = SitesView(plane.version, plane.load)
    plane.away = True
    plane.sites.append(Site(site_id="new"))
    began = time.monotonic()
    assert view.get("new") is None
    assert time.monotonic() - began >= 0.5
    for _ in range(100):
        assert view.get("new") is None
        assert view.get("old") == Site(site_id="old")
    assert time.monotonic() - began < 2
    view.close()
