"""One part as a process: start, see it die, stop, keep its log small."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from footfall.names import EXIT_AGAIN

LOG_BYTES = 10 * 1024 * 1024
LOGS_KEPT = 3
FIRST_BACKOFF_S = 0.2
MAX_BACKOFF_S = 15.0
SETTLED_S = 60.0  # up for so long, a part begins again with a short backoff

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, kw_only=True)
class Part:
    """What the supervisor runs. `ready` is given when the process was started (seconds since
    1970) and asked until it says so; it must be quick."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[float], bool] = lambda _since: True
    after: tuple[str, ...] = ()  # parts that must be ready (or done) before the first start
    once: bool = False  # runs to its end; ready when it ended with 0
    stop_s: float = 10.0  # from SIGTERM to SIGKILL
    # What the kernel sends when the supervisor dies without a word. Only a part with
    # processes of its own needs the chance to end them.
    orphan_signal: signal.Signals = signal.SIGKILL
    env: Mapping[str, str] = field(default_factory=dict)


class Child:
    """The process of a part, over all its restarts."""

    def __init__(self, part: Part, log: Path, env: Mapping[str, str]) -> None:
        self.part = part
        self.log = log
        self.state = "waiting"  # waiting | starting | ready | backoff | stopped | done
        self.restarts = 0
        self.up_since = 0.0  # seconds since 1970
        self.exit_code: int | None = None
        self.due = 0.0  # monotonic: when a backoff ends
        self._failures = 0
        self._started = 0.0
        self._env = {**os.environ, **env, **part.env}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """0 where there is none."""
        return self._process.pid if self._process is not None else 0

    @property
    def waited_s(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self._started

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        self.up_since, self._started = time.time(), time.monotonic()
        self.state = "starting"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.part.argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self._env,
                start_new_session=True,  # Ctrl-C is the supervisor's, and one id finds all its processes
                preexec_fn=_die_with_parent(self.part.orphan_signal),
            )

    def check(self) -> bool:
        """Look once whether it died or became ready; True if the state changed."""
        if self._process is None:
            return False
        code = self._process.poll()
        if code is not None:
            self._ended(code)
            return True
        if self.state == "starting" and not self.part.once and self.part.ready(self.up_since):
            self.state = "ready"
            return True
        return False

    def _ended(self, code: int) -> None:
        self.signal_all(signal.SIGKILL)  # its own children, if it left any
        self._process, self.exit_code = None, code
        if self.part.once and code == 0:
            self.state = "done"
            return
        if code == EXIT_AGAIN:
            self.due, self.state = time.monotonic(), "backoff"  # as it wants: that is no failure
            return
        self._failures = 0 if self.waited_s > SETTLED_S else self._failures
        wait = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2**self._failures)
        self._failures += 1
        self.restarts += 1
        self.due = time.monotonic() + wait * random.uniform(0.5, 1.0)
        self.state = "backoff"

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the part and the processes it started."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def terminate(self) -> None:
        """Ask it to end; `reap` waits for it."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def reap(self, timeout_s: float) -> bool:
        """Whether it has ended, waiting for it if need be."""
        if self._process is not None:
            try:
                self.exit_code = self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                return False
            self.signal_all(signal.SIGKILL)  # its own children, if it left any
        self._process, self.state = None, "stopped"
        return True

    def kill(self) -> None:
        """End it and its children at once."""
        self.signal_all(signal.SIGKILL)
        self.reap(timeout_s=10.0)

    def rotate_log(self) -> None:
        """Cut the log where it has grown. Copied and emptied, since the process holds it
        open (appending); a line written in between may be lost."""
        with suppress(FileNotFoundError):
            if self.log.stat().st_size < LOG_BYTES:
                return
            copy = self.log.with_suffix(".log.0")
            try:
                shutil.copyfile(self.log, copy)
            except OSError:  # no room: it cannot grow much either, and the next look tries again
                copy.unlink(missing_ok=True)
                return
            for number in range(LOGS_KEPT - 1, -1, -1):
                older = self.log.with_suffix(f".log.{number}")
                if older.exists():
                    older.replace(self.log.with_suffix(f".log.{number + 1}"))
            os.truncate(self.log, 0)

    def last_lines(self, count: int = 15) -> str:
        """The end of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - 8192))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])
        except FileNotFoundError:
            return ""


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What runs in the new process: ask the kernel (Linux) for a signal when we die."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # died before the call
            os._exit(1)

    return ask
