"""Open sessions through the state file: the same shard as one that never stopped."""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest

import flows.session_state as session_state
from flows.partition import PartitionLogic, PartitionState
from flows.session_state import SessionState
from flows.state_file import StateFile, StateLost
from footfall.enrich.batch import INTERNAL
from footfall.ids import uuid7
from footfall.sessions import Fact, Policy, SessionRow, SessionShard, Snapshot, Who
from footfall.sites import Site, Window
from tests.flows.making import KEY, MINUTE, POLICY, T0, Partition, event, record

SITE = Site(site_id="shop", windows=(Window(valid_from=0, window_ms=MINUTE),))
WHO = Who(site_id="shop")
LATENESS = Policy(lateness_ms=MINUTE)


def play(
    shard: SessionShard, chance: random.Random, epoch: int, state: SessionState | None = None
) -> list[SessionRow]:
    """Thirty seconds of visits; some go on under yesterday's id, all end after a minute or two."""
    rows = []
    for number in range(40):
        at = T0 + epoch * 30_000 + number * 700
        visitor_id = (1 << 63) + chance.randrange(200) + epoch // 4 * 50
        before = visitor_id - chance.randrange(1, 9) if chance.random() < 0.2 else 0
        facts = [Fact(at, uuid7(at, chance.randbytes(10)), "page_view", "h", "/" + "p" * 50, INTERNAL)]
        shard.absorb(SITE, shard.resolve(visitor_id, before, at), WHO, facts, at)
        rows += shard.advance(at)
        if state is not None:
            state.drain(shard)
    return rows


def contents(snapshot: Snapshot) -> object:
    """A whole state, in one order."""
    _, ids, encoded, aliases, pending = snapshot
    visitors = zip((ids[n : n + 8] for n in range(0, len(ids), 8)), encoded, strict=True)
    return sorted(visitors), sorted(aliases[n : n + 16] for n in range(0, len(aliases), 16)), pending


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rewrites and writing ahead after kilobytes."""
    monkeypatch.setattr(session_state, "MIN_REWRITE", 20_000)
    monkeypatch.setattr(session_state, "DRAIN_AT", 5)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("restart_chance", [0.05, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_time_it_goes_on_from_either_of_the_last_two_tokens(
    tmp_path: Path, seed: int, restart_chance: float
) -> None:
    chance = random.Random(seed)
    state = SessionState(StateFile(tmp_path))
    shard, reference = state.open(None, LATENESS), SessionShard(LATENESS)
    shard._visitors._max_hot = 4
    made: list[tuple[bytes, Snapshot]] = []  # token, the reference's whole state
    restarts, first_segments = 0, set()
    for epoch in range(150):
        dice = chance.random()
        assert play(shard, random.Random(epoch), epoch, state) == play(reference, random.Random(epoch), epoch)
        token = state.snapshot(shard)
        made.append((pickle.dumps(token), reference.snapshot()))
        first_segments.add(token[1][0][0])
        if dice < restart_chance and len(made) > 1:
            play(shard, random.Random(-1), epoch + 1, state)  # an epoch that is never committed
            saved, expected = made[-chance.choice((1, 2))]
            state = SessionState(StateFile(tmp_path))
            shard, reference = state.open(pickle.loads(saved), LATENESS), SessionShard.restore(expected, LATENESS)
            assert contents(shard.snapshot()) == contents(expected)
            shard = state.open(pickle.loads(saved), LATENESS)
            shard._visitors._max_hot = 4
            restarts += 1
    assert restarts > 2
    assert len(first_segments) > 3  # rewrites came to their end


@pytest.mark.usefixtures("small")
def test_what_is_on_disk_does_not_grow_with_time(tmp_path: Path) -> None:
    state = SessionState(StateFile(tmp_path))
    shard = state.open(None, LATENESS)
    sizes = []
    for epoch in range(600):
        play(shard, random.Random(epoch), epoch, state)
        state.snapshot(shard)
        sizes.append(sum(path.stat().st_size for path in tmp_path.glob("*.seg")))
    assert max(sizes[300:]) < 1.5 * max(sizes[:300])


def test_sessions_from_before_there_was_a_file_go_on(tmp_path: Path) -> None:
    before = SessionShard(LATENESS)
    play(before, random.Random(1), 0)
    value = before.snapshot()
    state = SessionState(StateFile(tmp_path))
    token = state.snapshot(state.open(value, LATENESS))
    again = SessionState(StateFile(tmp_path)).open(token, LATENESS)
    assert contents(again.snapshot()) == contents(value)


def test_a_partition_goes_on_from_its_file(tmp_path: Path) -> None:
    whole, killed = Partition(), Partition()
    killed.logic = PartitionLogic(KEY, POLICY, lambda *_: (), None, SessionState(StateFile(tmp_path)))
    for number in range(20):
        at = T0 + number * MINUTE
        batch = record(number, at, [event(number, at)])
        whole.send(at, batch)
        killed.send(at, batch)
        if number % 5 == 4:
            saved = pickle.loads(pickle.dumps(killed.logic.snapshot()))
            killed.logic = PartitionLogic(KEY, POLICY, lambda *_: (), saved, SessionState(StateFile(tmp_path)))
    end = T0 + 200 * MINUTE
    rows = killed.heartbeat(end).sessions
    assert rows == whole.heartbeat(end).sessions
    assert [row.events for row in rows if row.is_closed] == [20]


def test_a_token_without_its_file_is_refused(tmp_path: Path) -> None:
    state = SessionState(StateFile(tmp_path))
    token = state.snapshot(state.open(None, LATENESS))
    resume = PartitionState(1, 0, 0, token, ())
    with pytest.raises(ValueError, match="state file"):
        PartitionLogic(KEY, POLICY, lambda *_: (), resume)
    for segment in tmp_path.glob("*.seg"):
        segment.unlink()
    with pytest.raises(StateLost, match="missing"):
        PartitionLogic(KEY, POLICY, lambda *_: (), resume, SessionState(StateFile(tmp_path)))
