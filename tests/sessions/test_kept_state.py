"""What is kept of an open session: bounded, decodable, and of no other's values."""

from __future__ import annotations

import pickle

import msgspec
import pytest

from footfall.sessions import SessionShard, session_version
from footfall.sessions.run import MAX_EVENT_IDS, Run
from footfall.sessions.visitor import Visitor
from tests.sessions.histories import POLICY, START
from tests.sessions.live import DAY, Live, fact


def test_event_ids_of_a_long_run_are_bounded_and_the_latest_known() -> None:
    live = Live()
    told = [fact(START + n) for n in range(2 * MAX_EVENT_IDS)]
    for place in range(0, len(told), 500):
        assert live.tell(*told[place : place + 500]) == []
    assert live.tell(*told[-500:]) == list(range(500))
    assert len(live.shard._visitors.wake(1).runs[0].ids) <= 16 * MAX_EVENT_IDS
    assert live.sessions()[0].events == 2 * MAX_EVENT_IDS


def test_uuids_that_share_a_half_are_told_apart() -> None:
    node = bytes(8)
    told = [fact(START + n)._replace(event_id=n.to_bytes(8, "big") + node) for n in range(10)]
    live = Live()
    assert live.tell(*told) == []


def test_state_with_fewer_fields_still_decodes() -> None:
    live = Live()
    live.tell(fact(START))
    visitor = live.shard._visitors.wake(1)
    data = msgspec.msgpack.decode(visitor.encode()[20:])
    site_id, ((*run,),) = data[0], data[1]
    older_part = run[5][0][:14]
    older = msgspec.msgpack.encode([site_id, [[*run[:5], [older_part]]]])
    again = Visitor.decode(visitor.encode()[:20] + older)
    assert again.runs[0].events == 1
    assert again.runs[0].parts[0].first_at == START
    assert again.runs[0].parts[0].touches == []
    assert again.aliases == []


def test_state_does_not_share_its_defaults() -> None:
    one, other = Run(), Run()
    one.ids += b"x"
    assert other.ids == b""
    assert one.parts is not other.parts


def test_a_snapshot_is_a_value() -> None:
    live = Live()
    live.tell(fact(START))
    value = live.shard.snapshot()
    before = pickle.dumps(value)
    live.tell(fact(START + 1))
    live.until(START + DAY)
    assert pickle.dumps(value) == before
    assert live.shard.snapshot() != value
    with pytest.raises(ValueError, match="upgrade"):
        SessionShard.restore((99, *value[1:]), POLICY)


def test_versions() -> None:
    assert session_version(0, 5, closed=False) < session_version(0, 5, closed=False, deleted=True)
    assert session_version(0, 5, closed=False, deleted=True) < session_version(0, 5, closed=True)
    assert session_version(0, 5, closed=True) < session_version(0, 6, closed=False)
    assert session_version(0, 10**9, closed=True) < session_version(1, 0, closed=False, deleted=True)


def test_an_id_that_comes_again_is_known_whatever_its_order() -> None:
    """Ids below, above and among the known ones; from state that has no greatest id too."""
    live = Live()
    told = [fact(START + n)._replace(event_id=n.to_bytes(16, "big")) for n in range(60)]
    assert live.tell(*told[20:40]) == []
    assert live.tell(*told[10:30]) == list(range(10, 20))
    live.shard._visitors.wake(1).runs[0].max_id = b""
    live.shard = SessionShard.restore(live.shard.snapshot(), POLICY)
    assert live.tell(*told[30:50]) == list(range(10))
    assert live.shard._visitors.wake(1).runs[0].max_id == b""
    assert live.tell(*told) == list(range(10, 50))
