"""The supervisor with small real processes: order, restarts, drains, and what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from embedded.child import LOG_BYTES, Child, Part
from embedded.lock import AlreadyRunningError, DataDirLock, end_leftovers
from embedded.paths import log_file, make_dirs, status_file
from embedded.supervisor import START_TRIES, StartError, Supervisor

# Says when it starts and when it is asked to stop; is "ready" once its file is there.
POLITE = """
import os, signal, sys, time
name, notes = sys.argv[1], sys.argv[2]
def note(what):
    with open(notes, "a") as file: file.write(f"{what} {name}\\n")
def stop(*_):
    note("stop"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("start"); open(notes + "." + name, "w").close()
while True: signal.pause()
"""
STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[2] + "." + sys.argv[1], "w").close()
while True: signal.pause()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    make_dirs(path)
    return path


def part(data_dir: Path, name: str, code: str = POLITE, **more: object) -> Part:
    notes = data_dir / "notes"
    there = data_dir / f"notes.{name}"
    argv = (sys.executable, "-S", "-c", code, name, str(notes))
    return Part(name=name, argv=argv, **{"ready": lambda _since: there.exists(), **more})  # type: ignore[arg-type]  # as given


def run(
    data_dir: Path, parts: list[Part], until: Callable[[Supervisor], bool] | None = None, state: str = "ready",
    keep: str = "",
) -> list[str]:  # fmt: skip
    """Run until it is in that state and the condition holds; the lines told. Fails after 20 s."""
    lines: list[str] = []
    deadline = time.monotonic() + 20

    def tick(supervisor: Supervisor) -> None:
        if supervisor.state == state and (until is None or until(supervisor)):
            supervisor.request_stop()
        assert time.monotonic() < deadline, lines

    order = [one.name for one in reversed(parts)]
    supervisor = Supervisor(
        data_dir, parts, {}, stop_order=order, watch=lambda _s, line: lines.append(line), tick=tick, tick_s=0.05,
        keep=keep,
    )  # fmt: skip
    supervisor.run()
    return lines


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.02)


def test_parts_start_after_what_they_need_and_stop_in_order(data_dir: Path) -> None:
    once = part(data_dir, "prepare", "import sys; open(sys.argv[2], 'a').write('done prepare\\n')", once=True)
    parts = [
        part(data_dir, "store"),
        Part(**{**vars(once), "after": ("store",)}),
        part(data_dir, "gateway", after=("prepare",)),
    ]
    lines = run(data_dir, parts)
    notes = (data_dir / "notes").read_text().splitlines()
    assert notes == ["start store", "done prepare", "start gateway", "stop gateway", "stop store"]
    assert any(line.startswith("ready after") for line in lines)
    status = json.loads(status_file(data_dir).read_text())
    assert status["state"] == "stopped"
    assert status["pid"] == os.getpid()
    assert {one["pid"] for one in status["parts"].values()} == {0}


def test_a_part_that_dies_is_started_again(data_dir: Path) -> None:
    pids: list[int] = []

    def kill_twice(supervisor: Supervisor) -> bool:
        child = supervisor.children["a"]
        if child.state == "ready" and child.pid not in pids:
            pids.append(child.pid)
            if len(pids) < 3:
                os.kill(child.pid, signal.SIGKILL)
        return len(pids) == 3

    lines = run(data_dir, [part(data_dir, "a")], kill_twice)
    assert len(set(pids)) == 3
    assert sum("ended with code -9" in line for line in lines) == 2


def test_its_own_children_end_with_a_part(data_dir: Path) -> None:
    code = (
        "import subprocess, sys, signal\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "open(sys.argv[2] + '.child', 'w').write(str(child.pid))\n"
        "open(sys.argv[2] + '.a', 'w').close()\n"
        "while True: signal.pause()\n"
    )
    run(data_dir, [part(data_dir, "a", code)])
    wait_for(lambda: gone(int((data_dir / "notes.child").read_text())))


def test_a_start_that_fails_ends_everything_and_shows_the_last_lines(data_dir: Path) -> None:
    broken = part(
        data_dir, "broken", "import sys; sys.exit('no room for the frobnicator')", ready=lambda _since: False
    )
    with pytest.raises(StartError, match="broken ended with code 1") as caught:
        run(data_dir, [part(data_dir, "store"), broken])
    assert "no room for the frobnicator" in str(caught.value)
    assert "stop store" in (data_dir / "notes").read_text()


def test_where_all_was_well_before_the_gateway_is_kept_while_another_part_fails(data_dir: Path) -> None:
    gateway = part(data_dir, "gateway")
    flow = part(data_dir, "flow", "import sys; sys.exit('a bad upgrade')", ready=lambda _since: False)

    def tried_often(supervisor: Supervisor) -> bool:
        return supervisor.children["flow"].restarts > START_TRIES

    with pytest.raises(StartError, match="flow ended"):  # the first time a person watches
        run(data_dir, [gateway, flow], keep="gateway")
    run(data_dir, [gateway, part(data_dir, "flow")], keep="gateway")
    broken = part(data_dir, "gateway", "import sys; sys.exit('not it either')", ready=lambda _since: False)
    with pytest.raises(StartError, match="gateway ended"):
        run(data_dir, [broken, part(data_dir, "flow")], keep="gateway")
    run(data_dir, [gateway, flow], tried_often, "starting", keep="gateway")


def test_a_part_that_does_not_stop_is_killed(data_dir: Path) -> None:
    lines = run(data_dir, [part(data_dir, "a", STUBBORN, stop_s=0.3)])
    assert any(line.startswith("a: killed after") for line in lines)


def test_a_second_signal_hurries(data_dir: Path) -> None:
    def twice(supervisor: Supervisor) -> bool:
        os.kill(os.getpid(), signal.SIGTERM)
        return True

    began = time.monotonic()
    lines = run(data_dir, [part(data_dir, "a", STUBBORN, stop_s=60)], twice)
    assert time.monotonic() - began < 10
    assert any(line.startswith("a: killed after") for line in lines)


def test_the_lock_names_who_has_it(data_dir: Path) -> None:
    first, second = DataDirLock(data_dir), DataDirLock(data_dir)
    first.acquire()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def leftover(data_dir: Path, up_since: float) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    status = {"parts": {"store": {"pid": process.pid, "up_since": up_since}}}
    status_file(data_dir).write_text(json.dumps(status))
    return process


def test_leftovers_of_a_killed_supervisor_are_ended(data_dir: Path) -> None:
    process = leftover(data_dir, time.time())
    assert end_leftovers(data_dir) == ["store"]
    assert gone(process.pid)
    process.wait()


def test_a_process_that_only_has_the_same_number_is_left_alone(data_dir: Path) -> None:
    process = leftover(data_dir, time.time() + 3600)
    try:
        assert end_leftovers(data_dir) == []
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "content", [None, "", "{}", '{"parts": {"a": {}}}', '{"parts": {"a": {"pid": 0, "up_since": 1}}}']
)
def test_an_unreadable_status_means_no_leftovers(data_dir: Path, content: str | None) -> None:
    if content is not None:
        status_file(data_dir).write_text(content)
    assert end_leftovers(data_dir) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_parts_die_with_a_supervisor_killed_without_a_word(data_dir: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from embedded.child import Part\n"
        "from embedded.supervisor import Supervisor\n"
        "part = Part(name='a', argv=('sleep', '60'))\n"
        "Supervisor(Path(sys.argv[1]), [part], {}, stop_order=['a']).run()\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", script, str(data_dir)])
    try:
        wait_for(lambda: status_file(data_dir).exists() and '"ready"' in status_file(data_dir).read_text())
        pid = json.loads(status_file(data_dir).read_text())["parts"]["a"]["pid"]
        assert not gone(pid)
    finally:
        supervisor.kill()
        supervisor.wait()
    wait_for(lambda: gone(pid))


def test_a_log_is_cut_when_it_has_grown(data_dir: Path) -> None:
    child = Child(Part(name="a", argv=()), log_file(data_dir, "a"), {})
    for first in (b"x", b"y", b"z", b"w"):
        with child.log.open("ab") as file:
            file.write(first * LOG_BYTES)
        child.rotate_log()
    assert child.log.stat().st_size == 0
    kept = [child.log.with_suffix(f".log.{number}").open("rb").read(1) for number in (1, 2, 3)]
    assert kept == [b"w", b"z", b"y"]
    assert not child.log.with_suffix(".log.4").exists()


def test_a_part_that_ends_to_begin_anew_has_not_failed(data_dir: Path) -> None:
    """As the flow does when the log has got other partitions: at once, and as often as it likes."""
    again = "open(notes, 'a').write('life\\n'); len(open(notes).readlines()) < 8 and sys.exit(75)\n"
    code = POLITE.replace('note("start");', again + 'note("start");')
    restarts: list[int] = []

    def eighth(supervisor: Supervisor) -> bool:
        restarts.append(supervisor.children["a"].restarts)
        return supervisor.children["a"].state == "ready"

    lines = run(data_dir, [part(data_dir, "a", code)], eighth)
    assert sum("ended to begin anew" in line for line in lines) == 7
    assert restarts[-1] == 0
