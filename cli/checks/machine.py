"""Checks of the machine and the data directory."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import stat
import sys
import time
from pathlib import Path

from cli.checks.finding import Finding, bad, ok, warn
from cli.layout import layout_of
from cli.room import Room, disks
from cli.running import read_status
from cli.scraping import Samples, fetch
from embedded.probe import port_taken
from embedded.stack import port_settings
from footfall.settings import Settings
from telemetry.ports import metrics_ports

WARN_DISK = 5 * 1024**3
BAD_DISK = 1024**3
CLOCK_STEP_S = 0.25
FUTURE_MS = 60_000
CLOCK_OFF_S = 30.0  # as the alert FootfallClockOff
PATIENCE_S = 2.0  # with brokers that do not answer


def versions(_settings: Settings) -> list[Finding]:
    """Python and the pinned packages."""
    number = ".".join(map(str, sys.version_info[:3]))
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        return bad("versions", f"Python {number}", "run `make setup`: it brings a Python 3.12 of its own")
    wrong = []
    for requirement in importlib.metadata.requires("footfall") or []:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;]+)", requirement)
        if match is None:  # extras, for developers
            continue
        try:
            found = importlib.metadata.version(match[1])
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found != match[2]:
            wrong.append(f"{match[1]} {found}, wanted {match[2]}")
    if wrong:
        return warn("versions", "; ".join(wrong), "run `make setup` again")
    return ok(
        "versions", f"Footfall {importlib.metadata.version('footfall')}, Python {number}, packages as pinned"
    )


def disk(settings: Settings) -> list[Finding]:
    """Room in the data directory, on every disk it is on."""
    if settings.data_dir.exists():
        return [_room(room) for room in disks(settings)]
    where = _existing(settings.data_dir)
    return [_room(Room(where, shutil.disk_usage(where).free, "nothing works"))]


def _room(room: Room) -> Finding:
    found = f"{room.free / 1024**3:.1f} GiB free in {room.path}"
    mend = "free some, or set FOOTFALL_DATA_DIR to a larger disk; FOOTFALL_LOG_RETENTION_BYTES bounds the log"
    if room.free >= WARN_DISK:
        return Finding("disk", "ok", found)
    state = "bad" if room.free < BAD_DISK else "warn"
    return Finding("disk", state, f"{found}; once it is full: {room.stops}", mend)


def secrets(settings: Settings) -> list[Finding]:
    """Nobody else may read what is secret."""
    found = [settings.data_dir / "control.db", *sorted((settings.data_dir / "secrets").glob("*"))]
    there = [path for path in found if path.exists()]
    if not there:
        return ok("secrets", "none yet: made by the first `footfall up`")
    if not stat.S_IMODE(settings.data_dir.stat().st_mode) & 0o077:
        return ok("secrets", f"{settings.data_dir} is closed to others")
    open_ones = [str(path) for path in there if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_ones:
        return bad("secrets", f"others may read {', '.join(open_ones)}", f"chmod 700 {settings.data_dir}")
    return ok("secrets", "readable by their owner only")


def ports(settings: Settings) -> list[Finding]:
    """Free while Footfall does not run; while it does, `store` and `gateway` look."""
    if read_status(settings) is not None:
        return ok("ports", "in use by the Footfall that runs here")
    findings = []
    for name, host, port in port_settings(settings):
        if why := port_taken(host, port):
            findings += bad("ports", f"port {port} on {host}: {why}", f"stop it, or set {name} to a free port")
    for one in metrics_ports(settings):
        if one.part != "gateway" and (why := port_taken(one.host, one.port)):
            mend = (
                f"stop it, or set {one.setting} to a free port; without it there are no metrics of the {one.part}"
            )
            findings += warn("ports", f"port {one.port} on {one.host}: {why}", mend)
    return findings or ok("ports", "free")


def clock(settings: Settings) -> list[Finding]:
    """The clock moves evenly, the gateway's is that of the brokers, and the log is not ahead of it."""
    from control import ControlError
    from eventlog.protocol import LogUnreachable, WrongLogError

    wall, steady = time.time(), time.monotonic()
    time.sleep(CLOCK_STEP_S)
    drift = abs((time.time() - wall) - (time.monotonic() - steady))
    if drift > 0.05:
        return bad("clock", f"it jumped by {drift:.2f} s while looked at", "let one time service set it, slewing")
    gateway = _gateway_ahead_s(settings)
    if abs(gateway) > CLOCK_OFF_S:
        than = "ahead of" if gateway > 0 else "behind"
        return bad(
            "clock",
            f"the gateway's machine is {abs(gateway):.0f} s {than} Kafka's brokers",
            "let a time service set the clocks of both; see FootfallClockOff in docs/runbook.md",
        )
    try:
        ahead = _log_ahead_ms(settings)
    except (ControlError, LogUnreachable, WrongLogError):  # said already by `control_plane` and `data`
        return ok("clock", "moves evenly")
    if ahead > FUTURE_MS:
        return bad(
            "clock",
            f"the log is {ahead / 1000:.0f} s ahead of the clock: it was set back, or was wrong before",
            "set the clock right; until it gets there log time stands still, and sessions close late",
        )
    return ok("clock", "moves evenly, the log is not ahead of it")


def _gateway_ahead_s(settings: Settings) -> float:
    """What the gateway found when the log acknowledged its records; 0 where it does not tell."""
    text = next((fetch(one) for one in metrics_ports(settings) if one.part == "gateway"), None)
    return Samples([text or ""]).sum("footfall_log_clock_ahead_seconds")


def _log_ahead_ms(settings: Settings) -> int:
    """How far the newest record is in the future, ms."""
    from eventlog.opening import is_made, open_log

    layout = layout_of(settings, settings.stage)
    if not is_made(settings, settings.stage, layout):
        return 0
    reader = open_log(settings, settings.stage, layout, patience_s=PATIENCE_S).reader()
    try:
        newest = 0
        for partition in layout.partitions:
            first, end = reader.bounds(partition)
            if end > first:
                newest = max([newest, *(r.log_time for r in reader.read(partition, end - 1, 1, 1))])
        return max(0, newest - time.time_ns() // 1_000_000)
    finally:
        reader.close()


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
