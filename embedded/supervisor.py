"""Starts the parts in order, keeps them alive, drains them on stop.

A part that dies is started again, after 0.2 s at first and 15 s at most, without limit:
an analytics store that gave up at night would lose nothing that clients repeat, but
everything they do not. Only at the very start, with a person watching, does a part that
fails `START_TRIES` times (or is not ready in time) end everything with its last lines. Where
everything was ready in an earlier run the gateway is kept, once it is up: what comes in
meanwhile is in the log.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from embedded.child import Child, Part
from embedded.paths import log_file, status_file
from embedded.status import was_ready, write_status
from footfall.names import EXIT_AGAIN

POLL_S = 0.05  # between questions while something is not ready
IDLE_S = 10.0  # between looks when nothing happens; a death or a signal wakes at once
START_TRIES = 3
START_TIMEOUT_S = 60.0
FAILING_AFTER = 5  # restarts without settling, from which a part is called failing

Watcher = Callable[["Supervisor", str], None]


class StartError(Exception):
    """A part did not come up; the message says which and shows its last lines."""


class Supervisor:
    """Runs parts. Made and used in one thread, the main one (it takes the signals).

    `stop_order` names the parts to drain, first to last. `watch` is told of every change
    as one line, and `tick` is called about every `tick_s` (None: never). `keep` names the
    part that is worth going on for while others do not come up.
    """

    def __init__(
        self,
        data_dir: Path,
        parts: Sequence[Part],
        env: Mapping[str, str],
        *,
        stop_order: Sequence[str],
        watch: Watcher = lambda _supervisor, _line: None,
        tick: Callable[[Supervisor], None] = lambda _supervisor: None,
        tick_s: float = IDLE_S,
        ports: Mapping[str, int] | None = None,
        keep: str = "",
    ) -> None:
        self.children = {part.name: Child(part, log_file(data_dir, part.name), env) for part in parts}
        self.state = "starting"  # starting | ready | stopping | stopped
        self.started_at = time.time()
        self.ready_after_s = 0.0
        self._status = status_file(data_dir)
        self._was_ready = was_ready(self._status)
        self._keep = keep
        self._stop_order = list(stop_order)
        self._watch = watch
        self._tick = tick
        self._tick_s = tick_s
        self._ports = dict(ports or {})
        self._stop_signals = 0
        self._wake: socket.socket | None = None

    def run(self) -> None:
        """Until SIGTERM or SIGINT, or `StartError`. Everything has ended when it returns."""
        with self._signals():
            try:
                self._start_all()
                while not self._stop_signals:
                    self._supervise()
                    self._tick(self)
                    self._sleep(self._pause())
            finally:
                self._drain()

    def request_stop(self) -> None:
        """As a SIGTERM would."""
        self._stop_signals += 1

    def is_failing(self, child: Child) -> bool:
        """Whether it keeps dying, or takes far too long to come up."""
        return child.restarts >= FAILING_AFTER and child.state != "ready"

    # Starting.

    def _start_all(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.state == "starting" and not self._stop_signals:
            for child in self.children.values():
                if child.state == "waiting" and all(self._is_up(name) for name in child.part.after):
                    self._start(child)
            self._supervise()
            self._give_up_on(deadline)
            if all(self._is_up(name) for name in self.children):
                self.state, self._was_ready = "ready", True
                self.ready_after_s = time.time() - self.started_at
                self._tell(f"ready after {self.ready_after_s:.1f} s")
            else:
                self._tick(self)
                self._sleep(POLL_S if time.monotonic() < deadline else 1.0)

    def _is_up(self, name: str) -> bool:
        return self.children[name].state in ("ready", "done")

    def _give_up_on(self, deadline: float) -> None:
        if self._was_ready and self._keep and self._is_up(self._keep):
            return
        for name, child in self.children.items():
            late = time.monotonic() > deadline and not self._is_up(name)
            if child.restarts >= START_TRIES or (late and child.state != "waiting"):
                how = f"ended with code {child.exit_code}" if child.restarts else "did not become ready in time"
                raise StartError(f"{name} {how}. Its last lines ({child.log}):\n{child.last_lines()}")

    def _start(self, child: Child) -> None:
        child.start()
        self._tell(f"{child.part.name}: starting (process {child.pid})")

    # Running.

    def _supervise(self) -> None:
        for name, child in self.children.items():
            if child.state == "backoff" and time.monotonic() >= child.due:
                self._start(child)
            elif child.check():
                self._tell(self._change(name, child))
            child.rotate_log()

    def _change(self, name: str, child: Child) -> str:
        if child.state != "backoff":
            return f"{name}: {child.state} after {child.waited_s:.1f} s"
        if child.exit_code == EXIT_AGAIN:
            return f"{name}: ended to begin anew, see {child.log}"
        line = f"{name}: ended with code {child.exit_code}, starting it again (restart {child.restarts})"
        if self.is_failing(child):
            line += f"; it keeps failing, see {child.log}:\n{child.last_lines(5)}"
        return line

    def _pause(self) -> float:
        pauses = [self._tick_s]
        for child in self.children.values():
            if child.state == "starting":
                pauses.append(POLL_S if child.waited_s < 30 else 1.0)
            elif child.state == "backoff":
                pauses.append(max(0.0, child.due - time.monotonic()))
        return min(pauses)

    def _sleep(self, seconds: float) -> None:
        """Until a signal comes (the death of a child is one too), or the time is over."""
        if self._stop_signals:
            return
        if self._wake is not None and select.select([self._wake], [], [], seconds)[0]:
            self._wake.recv(4096)

    # Stopping.

    def _drain(self) -> None:
        """First those that take things in, last those that keep them. A second signal
        hurries: nothing is waited for any more, which loses nothing that was accepted."""
        self.state = "stopping"
        self._tell("stopping")
        rest = [name for name in self.children if name not in self._stop_order]
        for name in [*rest, *self._stop_order]:
            child = self.children[name]
            began = time.monotonic()
            child.terminate()
            ended = child.reap(0.0)
            while not ended and time.monotonic() < began + child.part.stop_s and self._stop_signals < 2:
                ended = child.reap(0.1)
            if not ended:
                child.kill()
            self._tell(f"{name}: {'stopped' if ended else 'killed'} after {time.monotonic() - began:.1f} s")
        self.state = "stopped"
        self._tell("stopped")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask for the stop; they and SIGCHLD end a sleep."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)

        def on_stop(_number: int, _frame: FrameType | None) -> None:
            self._stop_signals += 1

        taken = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
        before = {number: signal.getsignal(number) for number in taken}
        old_wake = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, on_stop)
        signal.signal(signal.SIGINT, on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._wake = reader
        try:
            yield
        finally:
            self._wake = None
            signal.set_wakeup_fd(old_wake)
            for number, handler in before.items():
                signal.signal(number, handler)
            reader.close()
            writer.close()

    # Telling.

    def _tell(self, line: str) -> None:
        self._write_status()
        self._watch(self, line)

    def _write_status(self) -> None:
        """What `footfall status` reads. A disk that is full must not end the supervisor."""
        parts = {
            name: {
                "pid": child.pid,
                "state": "failing" if self.is_failing(child) else child.state,
                "up_since": child.up_since,
                "restarts": child.restarts,
            }
            for name, child in self.children.items()
        }
        status = {
            "pid": os.getpid(), "state": self.state, "started_at": self.started_at,
            "ready_after_s": round(self.ready_after_s, 2), "was_ready": self._was_ready,
            "ports": self._ports, "parts": parts,
        }  # fmt: skip
        try:
            write_status(self._status, json.dumps(status, indent=1))
        except OSError as error:
            self._watch(self, f"cannot write {self._status}: {error}")
