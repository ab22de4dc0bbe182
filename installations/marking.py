"""Looking at marks and leaving them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from control import Control, ControlError
from eventlog.opening import PATIENCE_S
from footfall.settings import Settings
from installations.mark import Mark

LOG, STORE, LIVE, OBJECTS = "log", "store", "live", "objects"
KINDS = frozenset({LOG, STORE, LIVE, OBJECTS})
DURABLE = KINDS - {LIVE}  # Redis may be wiped at any time
STAGE = "installation:stage"  # of the control plane


class ClaimedError(ControlError):
    """Something belongs to another installation; the message says which setting to change."""


class Found(NamedTuple):
    """A mark as it is."""

    stage: str
    where: str
    owner: str | None  # as `Mark.owner`


def identify(plane: Control, stage: str) -> str:
    """The id of the installation. Raises `ClaimedError` where the control plane is another stage's: job
    leases, salts and sites do not tell stages apart."""
    theirs = plane.cursor(STAGE)
    if theirs not in (None, stage):
        raise ClaimedError(
            f"this control plane is of stage {theirs}, FOOTFALL_STAGE is {stage}: give {stage} one of its own "
            f"(FOOTFALL_DATA_DIR, FOOTFALL_CONTROL_URL), or set FOOTFALL_STAGE={theirs}. To make it {stage}'s for "
            "good: `footfall migrate --take-over`"
        )
    return plane.installation_id()


def settle(plane: Control, stage: str, *, take_over: bool = False) -> str:
    """The same, and from now on it is this stage's."""
    if not take_over:
        identify(plane, stage)
    if plane.cursor(STAGE) != stage:
        plane.set_cursor(STAGE, stage)
    return plane.installation_id()


def check(
    settings: Settings,
    installation: str,
    stages: Iterable[str],
    kinds: frozenset[str] = KINDS,
    limit_s: float = 0,
    patience_s: float = PATIENCE_S,
) -> None:
    """Raises `ClaimedError` where a mark is another installation's. `limit_s`: how long to try to ask a
    store that does not answer; then raises what it raises, as does a log after `patience_s`."""
    for stage in stages:
        for mark in _marks(settings, stage, kinds, limit_s, patience_s):
            _refuse_foreign(settings, installation, stage, mark)


def claim(
    settings: Settings,
    installation: str,
    stages: Iterable[str],
    kinds: frozenset[str] = KINDS,
    *,
    take_over: bool = False,
    change: bool = True,
) -> list[str]:
    """Leave the installation's marks where there are none, or with `take_over` everywhere; what was
    done, or with `change` false is to be done. Raises `ClaimedError`."""
    done = []
    for stage in stages:
        for mark in _marks(settings, stage, kinds, 0):
            owner = mark.owner()
            if owner and not take_over:
                _refuse_foreign(settings, installation, stage, mark)
            elif owner not in (None, installation):
                done.append(f"{stage}: {mark.where} is from now on of this installation, {installation}")
                if change:
                    mark.leave(installation, take_over=take_over)
                    _refuse_foreign(settings, installation, stage, mark)  # somebody was quicker
    return done


def look(settings: Settings, stages: Iterable[str], patience_s: float = PATIENCE_S) -> list[Found]:
    """Every mark that is to last, for people."""
    return [
        Found(stage, mark.where, mark.owner())
        for stage in stages
        for mark in _marks(settings, stage, DURABLE, 0, patience_s)
    ]


def _refuse_foreign(settings: Settings, installation: str, stage: str, mark: Mark) -> None:
    if mark.owner() in (None, "", installation):
        return
    mine = "FOOTFALL_STAGE" if stage == settings.stage else "FOOTFALL_DEV_STAGE (it may be empty)"
    raise ClaimedError(
        f"{mark.where} belongs to another installation that serves stage {stage}: set {mine} to a stage of your "
        f"own, or {mark.setting} to a server of your own. Only where this installation takes the other's place "
        "(it was restored, or moved): stop the other for good, then `footfall migrate --take-over`"
    )


def _marks(
    settings: Settings, stage: str, kinds: frozenset[str], limit_s: float, patience_s: float = PATIENCE_S
) -> Iterator[Mark]:
    """On servers alone: what is in the data directory is this installation's. Imported where they are
    used: a gateway needs no store."""
    if LOG in kinds and settings.kafka_bootstrap:
        from installations.log import LogMark

        yield LogMark(settings, stage, patience_s)
    if STORE in kinds and not settings.has_own_store:
        from installations.store import StoreMark

        yield StoreMark(settings, stage, limit_s)
    if LIVE in kinds:
        from installations.live import LiveMark

        yield LiveMark(settings, stage)
    if OBJECTS in kinds and settings.objects_endpoint:
        from installations.objects import ObjectsMark

        yield ObjectsMark(settings, stage)
