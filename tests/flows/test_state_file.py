"""The file that open sessions are kept in: what a token names is there, nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.state_file import KEEP_TOKENS, MAGIC, StateFile, StateLost, Token


def reread(directory: Path, token: Token) -> list[bytes]:
    file = StateFile(directory)
    file.start(token)
    return list(file.frames())


def test_frames_come_back_in_their_order(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.start()
    frames = [b"one", b"", b"three" * 100_000]
    for frame in frames:
        file.append(frame)
    assert reread(tmp_path, file.commit()) == frames


def test_what_was_appended_after_the_token_is_left_out(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.start()
    file.append(b"committed")
    token = file.commit()
    file.append(b"of an epoch that never was")
    file.commit()
    assert reread(tmp_path, token) == [b"committed"]


def test_a_torn_tail_beyond_the_token_does_no_harm(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.start()
    file.append(b"committed")
    token = file.commit()
    (segment,) = tmp_path.glob("*.seg")
    with segment.open("ab") as tail:
        tail.write(b"\xff\x00\x00")
    again = StateFile(tmp_path)
    again.start(token)
    assert list(again.frames()) == [b"committed"]
    again.append(b"next")
    assert reread(tmp_path, again.commit()) == [b"committed", b"next"]


def test_a_killed_process_loses_only_what_was_not_committed(tmp_path: Path) -> None:
    """kill -9 between append and commit; the last token printed is the one to go on from."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from flows.state_file import StateFile\n"
        "file = StateFile(Path(sys.argv[1])); file.start()\n"
        "file.append(b'a'); token = file.commit()\n"
        "file.append(b'b' * 3_000_000)\n"
        "print(repr(token), flush=True); time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    process.stdout.close()
    assert line.strip() == f"((1, {len(MAGIC) + 1 + 8 + 1}),)"
    assert reread(tmp_path, ((1, len(MAGIC) + 1 + 8 + 1),)) == [b"a"]


def test_the_last_two_tokens_can_be_gone_on_from_and_older_segments_go(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.start()
    tokens = []
    for number in range(10):
        file.rotate()
        file.append(b"%d" % number)
        file.drop_before(file.segments[-1])
        tokens.append(file.commit())
        assert len(list(tmp_path.glob("*.seg"))) <= KEEP_TOKENS
    assert reread(tmp_path, tokens[-2]) == [b"8"]
    assert reread(tmp_path, tokens[-1]) == [b"9"]


def test_segments_of_a_dead_process_go(tmp_path: Path) -> None:
    file = StateFile(tmp_path)
    file.start()
    file.append(b"kept")
    token = file.commit()
    file.rotate()
    file.append(b"never committed")
    file.commit()
    again = StateFile(tmp_path)
    again.start(token)
    for _ in range(KEEP_TOKENS):
        again.append(b"x")
        token = again.commit()
    assert {int(path.stem) for path in tmp_path.glob("*.seg")} == {number for number, _ in token} == {1, 3}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "damaged or cut short"),
        (lambda data: data[:-3] + b"\x00" + data[-2:], "damaged or cut short"),
        (lambda data: data[:12], "damaged or cut short"),
        (lambda data: data[:7] + b"\x63" + data[8:], "version 99, this program reads 1: upgrade"),
        (lambda data: b"something else", "no state file"),
        (lambda data: b"", "no state file"),
        (None, "missing"),
    ],
)
def test_damage_is_told_and_says_what_to_do(tmp_path: Path, damage: object, message: str) -> None:
    file = StateFile(tmp_path)
    file.start()
    file.append(b"some state")
    token = file.commit()
    (segment,) = tmp_path.glob("*.seg")
    if callable(damage):
        segment.write_bytes(damage(segment.read_bytes()))
    else:
        segment.unlink()
    with pytest.raises(StateLost, match=message) as raised:
        reread(tmp_path, token)
    assert "footfall worker reset" in str(raised.value)
