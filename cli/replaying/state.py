"""How far a replay is, kept in the control plane: whoever is killed goes on from there."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
import msgspec
from msgspec import Struct

from cli.replaying.reading import BEGINNING, Position
from control import CONTROL_FAULTS, Control

LEASE_MS = 20_000
RENEW_EVERY_S = 5.0
POLL_S = 0.5


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be replayed."""

    stage: str
    site_id: str
    first: str  # days
    last: str
    redo: tuple[str, ...] = ()  # geo, bot: what is worked out anew too

    @property
    def command(self) -> str:
        """As it is typed."""
        redo = "".join(f" --redo {what}" for what in self.redo)
        days = f"--from {self.first} --to {self.last}"
        return f"footfall replay --stage {self.stage} --site {self.site_id} {days}{redo}"


class State(Struct, kw_only=True, omit_defaults=True):
    """The last replay of a stage. The number is never given twice."""

    number: int
    asked: Asked
    position: Position = BEGINNING
    records: int = 0
    events: int = 0
    done: bool = False


def load(plane: Control, stage: str) -> State | None:
    """The last one; None if there was none."""
    text = plane.cursor(_name(stage))
    return msgspec.json.decode(text, type=State) if text else None


def save(plane: Control, state: State) -> None:
    """Go on from here."""
    plane.set_cursor(_name(state.asked.stage), msgspec.json.encode(state).decode())


def _name(stage: str) -> str:
    return f"replay:{stage}"


class Lease:
    """One replay at a time in a stage."""

    def __init__(self) -> None:
        self.lost = threading.Event()
        self.ends_at = time.monotonic() + LEASE_MS / 1000  # which goes on while a process is stopped

    def check(self) -> None:
        """Raises where another one has taken over, or may have."""
        if self.lost.is_set() or time.monotonic() > self.ends_at:
            raise click.ClickException(
                "this replay stood still for too long, or could not reach the control plane: another one may have "
                "taken over. If none has, the same command goes on"
            )


@contextmanager
def leased(plane: Control, stage: str) -> Iterator[Lease]:
    """Waits for the lease of one that was killed just now; refuses where one runs."""
    run_id = _claim(plane, stage)
    lease, over = Lease(), threading.Event()

    def renew() -> None:
        while not over.wait(RENEW_EVERY_S):
            asked_at = time.monotonic()
            try:
                held = plane.renew(run_id, LEASE_MS, now=_now())
            except CONTROL_FAULTS:  # away for a moment: it is asked again before the lease is over
                continue
            if not held:
                lease.lost.set()
                return
            lease.ends_at = asked_at + LEASE_MS / 1000

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield lease
    except BaseException as error:
        plane.finish(run_id, now=_now(), ok=False, detail=str(error) or type(error).__name__)
        raise
    else:
        plane.finish(run_id, now=_now(), ok=True)
    finally:
        over.set()
        thread.join()


def _claim(plane: Control, stage: str) -> int:
    holder = f"replay@{socket.gethostname()}:{os.getpid()}"
    deadline = time.monotonic() + LEASE_MS / 1000 + RENEW_EVERY_S
    told = False
    while (run_id := plane.claim(_name(stage), holder, LEASE_MS, now=_now())) is None:
        if time.monotonic() > deadline:
            raise click.ClickException(f"another replay of stage {stage} runs: one at a time")
        if not told:
            told = True
            click.echo("another replay runs, or was killed just now: waiting for half a minute at most", err=True)
        time.sleep(POLL_S)
    return run_id


def _now() -> int:
    return time.time_ns() // 1_000_000
