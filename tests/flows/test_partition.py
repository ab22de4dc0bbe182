"""What a log partition's records become: duplicates, lateness, visitors, the ledger."""

from __future__ import annotations

import pickle

from flows.items import AdmittedChunk
from flows.live import live_places
from flows.partition import PartitionLogic
from footfall.duplicates import batch_key
from footfall.names import IdKind, Source
from tests.flows.making import KEY, MINUTE, POLICY, T0, Partition, event, record, stored


def closed(out: AdmittedChunk) -> list[tuple[int, int, int]]:
    return [
        (row.visitor_id, row.start_at, row.events) for row in out.sessions if row.is_closed and not row.is_deleted
    ]


def test_a_record_becomes_rows_and_later_a_session() -> None:
    partition = Partition()
    out = partition.send(T0, record(1, T0, [event(1, T0 - 1000), event(2, T0, "purchase")]))
    assert stored(out) == 2
    assert (out.next_offset, out.log_time) == (1, T0)
    assert closed(partition.heartbeat(T0 + 40 * MINUTE)) == []
    assert closed(partition.heartbeat(T0 + 40 * MINUTE + 1)) == [(7, T0 - 1000, 2)]


def test_an_open_session_is_written_within_ten_seconds_of_log_time() -> None:
    partition = Partition()
    first = partition.send(T0, record(1, T0, [event(1, T0)])).sessions
    then = partition.heartbeat(T0 + 10_000).sessions
    assert [row.is_closed for row in first + then] == [False]


def test_a_batch_sent_twice_counts_once() -> None:
    partition = Partition()
    batch = record(1, T0, [event(1, T0), event(2, T0)])
    partition.send(T0, batch)
    again = partition.send(T0 + 1000, batch)
    assert stored(again) == 0
    assert partition.count("accepted") == 4
    assert partition.count("duplicate", "batch") == 2


def test_what_a_sender_lost_counts_once_however_often_its_batch_comes() -> None:
    partition = Partition()
    batch = record(1, T0, [event(1, T0)], lost=5)
    partition.send(T0, batch, batch)
    partition.send(T0 + 1000, batch, record(2, T0, [event(2, T0)], lost=2))
    assert partition.count("lost", "sender_queue") == 7
    assert partition.count("accepted") == 4  # it is in no sum


def test_what_a_sender_lost_counts_without_any_event_and_for_an_unknown_site_too() -> None:
    partition = Partition(site=None)
    partition.send(T0, record(1, T0, [], lost=5, rejected={"too_old": 1}), record(2, T0, [event(2, T0)], lost=2))
    assert partition.count("lost", "sender_queue") == 7


def test_an_event_sent_again_in_another_batch_counts_once() -> None:
    partition = Partition()
    partition.send(T0, record(1, T0, [event(1, T0), event(2, T0)]))
    again = partition.send(T0 + 1000, record(2, T0 + 1000, [event(2, T0), event(3, T0)]))
    assert [item.places for item in again.admitted] == [[1]]
    assert partition.count("duplicate", "event") == 1


def test_late_events_are_stored_but_enter_no_live_state() -> None:
    partition = Partition()
    out = partition.send(T0, record(1, T0, [event(1, T0 - 11 * MINUTE), event(2, T0)]))
    assert stored(out) == 2
    assert out.admitted[0].late == [True, False]
    assert live_places(out.admitted[0]) == [1]
    assert closed(partition.heartbeat(T0 + 60 * MINUTE)) == [(7, T0, 1)]


def test_imported_events_are_always_late() -> None:
    partition = Partition()
    out = partition.send(T0, record(1, T0, [event(1, T0)], source=Source.IMPORT))
    assert out.admitted[0].late == [True]
    assert closed(partition.heartbeat(T0 + 60 * MINUTE)) == []


def test_server_events_without_visitor_are_stored_and_make_no_session() -> None:
    partition = Partition()
    out = partition.send(T0, record(1, T0, [event(1, T0)], 0, source=Source.SERVER, id_kind=IdKind.SERVER))
    assert stored(out) == 1
    assert partition.heartbeat(T0 + 60 * MINUTE).sessions == []


def test_yesterdays_visit_goes_on_past_midnight_and_past_the_overlap() -> None:
    midnight = (T0 // 86_400_000 + 1) * 86_400_000
    partition = Partition()
    daily = {"id_kind": IdKind.DAILY}
    partition.send(midnight - MINUTE, record(1, midnight - MINUTE, [event(1, midnight - MINUTE)], 1, **daily))
    after = midnight + 20 * MINUTE
    kept = partition.send(after, record(2, after, [event(2, after)], 2, previous_visitor_id=1, **daily))
    assert kept.admitted[0].visitor_id == 1
    later = midnight + 45 * MINUTE
    assert partition.send(later, record(3, later, [event(3, later)], 2, **daily)).admitted[0].visitor_id == 1
    assert closed(partition.heartbeat(later + 41 * MINUTE)) == [(1, midnight - MINUTE, 3)]
    next_day = later + 50 * MINUTE
    assert (
        partition.send(next_day, record(4, next_day, [event(4, next_day)], 2, **daily)).admitted[0].visitor_id == 2
    )


def test_late_events_of_yesterdays_visit_stay_with_it() -> None:
    """An offline queue that empties after midnight: repair can join only what has one id."""
    midnight = (T0 // 86_400_000 + 1) * 86_400_000
    partition = Partition()
    daily = {"id_kind": IdKind.DAILY}
    before = midnight - 5 * MINUTE
    partition.send(before, record(1, before, [event(1, before)], 1, **daily))
    after = midnight + 20 * MINUTE
    queued = [event(2, midnight - 2 * MINUTE), event(3, midnight + 5 * MINUTE)]
    late = partition.send(after, record(2, after, queued, 2, previous_visitor_id=1, **daily)).admitted[0]
    assert (late.visitor_id, late.late) == (1, [True, True])
    live = partition.send(after, record(3, after, [event(4, after)], 2, previous_visitor_id=1, **daily))
    assert live.admitted[0].visitor_id == 1
    past_overlap = midnight + 40 * MINUTE
    again = partition.send(past_overlap, record(4, past_overlap, [event(5, midnight + 7 * MINUTE)], 2, **daily))
    assert (again.admitted[0].visitor_id, again.admitted[0].late) == (1, [True])


def test_imported_events_keep_the_visitor_they_were_given() -> None:
    partition = Partition()
    partition.send(T0, record(1, T0, [event(1, T0)], 1))
    old = record(2, T0, [event(2, T0)], 2, previous_visitor_id=1, source=Source.IMPORT)
    assert partition.send(T0, old).admitted[0].visitor_id == 2


def test_identify_gives_an_identity_unless_the_id_is_daily() -> None:
    partition = Partition()
    told = event(1, T0, "identify")
    told.user_id = "u-1"
    out = partition.send(T0, record(1, T0, [told], id_kind=IdKind.IDENTIFIED))
    assert [(i.visitor_id, i.user_id, i.since) for i in out.identities] == [(7, "u-1", T0)]
    daily = partition.send(T0, record(2, T0, [event(2, T0, "identify")], 8, id_kind=IdKind.DAILY))
    assert daily.identities == []


def test_an_undecodable_record_is_quarantined_and_the_next_goes_on() -> None:
    partition = Partition()
    out = partition.send(T0, b"\x63garbage", record(1, T0, [event(1, T0)]))
    assert stored(out) == 1
    assert [item.reason for _, _, item in out.quarantined] == ["undecodable_record"]


def test_quarantine_is_capped_per_site_and_day_but_counted_whole() -> None:
    partition = Partition(site=None)
    out = partition.send(T0, record(1, T0, [event(n, T0) for n in range(5)]))
    assert len(out.quarantined) == POLICY.quarantine_per_site_per_day
    assert partition.count("quarantined", "unknown_site") == 5
    tomorrow = T0 + 86_400_000
    assert len(partition.send(tomorrow, record(2, tomorrow, [event(9, tomorrow)])).quarantined) == 1


def test_a_quarantined_event_replays_once() -> None:
    waiting = Partition(site=None).send(T0, record(1, T0, [event(1, T0), event(2, T0)], lost=3))
    payload = waiting.quarantined[1][2].payload
    partition = Partition()
    assert stored(partition.send(T0 + 1000, payload)) == 1
    assert stored(partition.send(T0 + 2000, payload)) == 0
    assert partition.count("lost", "sender_queue") == 0  # counted with the whole batch


def test_quarantine_holds_no_personal_data() -> None:
    private = event(1, T0, path="/welcome?mail=jane.doe@example.com")
    private.title = "Hello jane.doe@example.com"
    out = Partition(site=None).send(T0, record(1, T0, [private]))
    assert b"jane.doe" not in out.quarantined[0][2].payload


def test_the_ledger_adds_up() -> None:
    partition = Partition()
    foreign = event(5, T0)
    foreign.url = "https://elsewhere.example.org/"
    batch = record(1, T0, [event(1, T0), foreign], rejected={"too_old": 3})
    stored_events = stored(partition.send(T0, batch, batch))
    assert partition.count("rejected", "too_old") == 6
    assert partition.count("accepted") == 4
    assert partition.count("duplicate", "batch") + partition.count("dropped", "foreign_host") + stored_events == 4
    assert partition.count("dropped", "foreign_host") == 1


def test_a_snapshot_goes_on_where_it_was() -> None:
    whole, first = Partition(), Partition()
    batches = [record(n, T0 + n * MINUTE, [event(n, T0 + n * MINUTE)]) for n in range(20)]
    for batch in batches[:10]:
        whole.send(batch.received_at, batch)
        first.send(batch.received_at, batch)
    state = pickle.loads(pickle.dumps(first.logic.snapshot()))
    asked = []

    def load(key: object, before: int, since: int) -> list[tuple[int, int]]:
        asked.append((key, before, since))
        return []

    first.logic = PartitionLogic(KEY, POLICY, load, state)
    for batch in batches[10:]:
        whole.send(batch.received_at, batch)
        first.send(batch.received_at, batch)
    assert asked == [(KEY, 10, T0 + 9 * MINUTE - POLICY.duplicate_horizon_ms)]
    end = T0 + 200 * MINUTE
    assert closed(first.heartbeat(end)) == closed(whole.heartbeat(end)) == [(7, T0, 20)]


def test_a_broker_whose_clock_is_set_back_does_not_set_back_log_time() -> None:
    partition = Partition()
    partition.heartbeat(T0 + 60 * MINUTE)
    earlier = partition.send(T0, record(1, T0, [event(1, T0)]))
    assert earlier.log_time == T0 + 60 * MINUTE
    assert earlier.admitted[0].late == [True]
    assert partition.heartbeat(T0 + 61 * MINUTE).log_time == T0 + 61 * MINUTE


def test_batches_read_back_from_the_store_are_remembered() -> None:
    first = Partition()
    batch = record(1, T0, [event(1, T0)])
    first.send(T0, batch)
    keys = [(batch_key(batch.batch_id), T0)]
    first.logic = PartitionLogic(KEY, POLICY, lambda *_: keys, first.logic.snapshot())
    first.send(T0 + MINUTE, batch)
    assert first.count("duplicate", "batch") == 1


def test_the_memory_of_batches_begins_with_the_first_record_whatever_it_is() -> None:
    partition = Partition()
    partition.heartbeat(T0)
    later = T0 + 5 * MINUTE
    assert partition.send(later, record(1, later, [event(1, later)])).look_up_before == T0 + MINUTE


def test_what_may_be_older_than_the_memory_is_looked_up() -> None:
    partition = Partition()
    assert partition.send(T0, record(1, T0, [event(1, T0)])).look_up_before == T0 + MINUTE
    much_later = T0 + 3 * 60 * MINUTE
    for n in range(180):
        out = partition.send(T0 + n * MINUTE, record(n + 2, T0 + n * MINUTE, [event(n + 2, T0 + n * MINUTE)]))
    assert much_later - 90 * MINUTE < out.look_up_before <= much_later - 59 * MINUTE
