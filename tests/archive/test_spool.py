"""From records to objects: what is killed on the way is there once when it is read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.archiving import ArchivePartition
from flows.items import AdmittedChunk, Archived, PartitionKey
from flows.shipping import Shipper
from flows.spool import Spool
from flows.state_file import StateLost
from footfall.enrich.batch import EnrichedBatch, Geo
from footfall.record import Record
from footfall.sites import Site
from objects.directory import DirectoryStore
from objects.protocol import ObjectStoreUnreachable
from objects.s3 import S3Store
from tests.archive.reading import stored_entries
from tests.drill.stack import wait_for
from tests.fixtures.s3 import OwnS3

KEY = PartitionKey("prod", 3)
NOW, DAY_MS = 1_790_000_000_000, 86_400_000


def chunk_of(*offsets: int, size: int = 100, sites: int = 2, at: int = NOW) -> AdmittedChunk:
    """A record at each offset, of one site or another."""
    out = AdmittedChunk(KEY, offsets[-1] + 1, at)
    for offset in offsets:
        site = Site(site_id=f"s{offset % sites}.example")
        batch = EnrichedBatch(Record(site_id=site.site_id), site)
        batch.geo, batch.bot = Geo("DE", "Berlin", "Berlin"), "crawler"
        raw = offset.to_bytes(8, "big") * (size // 8)
        out.archived.append(Archived(offset, at, raw, 7, batch, [1]))
    return out


class Bench:
    """The archive's part of one process, life after life."""

    def __init__(self, directory: Path, **options: int) -> None:
        self.directory = directory
        self.stop = threading.Event()
        self.store = DirectoryStore(directory / "objects", "prod")
        self._options = options
        self.shippers: list[Shipper] = []
        self.away = threading.Event()

    def _open(self, _stage: str) -> DirectoryStore:
        if self.away.is_set():
            raise ObjectStoreUnreachable("away")
        return self.store

    def life(self, resume: object = None, *, ships: bool = True) -> ArchivePartition:
        """Begin at a snapshot; the life before is not there any more."""
        for shipper in self.shippers:
            shipper.close()
        shipper = Shipper(self._open, self._options.get("limit", 1 << 30), self.stop, first_wait_s=0.01)
        if not ships:
            shipper.close()
        self.shippers.append(shipper)
        spool = Spool(self.directory / "spool", self._options.get("segment", 2_000), 3600)
        return ArchivePartition(KEY, spool, shipper, resume)  # type: ignore[arg-type]

    def drain(self) -> None:
        """Until nothing sealed waits."""
        shipper = self.shippers[-1]
        wait_for("all to be shipped", lambda: not shipper._waiting and not shipper._busy, 10)

    def offsets(self) -> list[int]:
        """As a reader takes them: each once."""
        return sorted({offset for offset, _ in stored_entries(self.store).get(3, [])})

    def close(self) -> None:
        for shipper in self.shippers:
            shipper.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    benches: list[Bench] = []

    def made(**options: int) -> Bench:
        benches.append(Bench(tmp_path / str(len(benches)), **options))
        return benches[-1]

    yield made
    for bench in benches:
        bench.close()


def finish(bench: Bench, partition: ArchivePartition) -> None:
    """Everything into the store, as the passing of time does."""
    partition._spool._segment_s = 0.0
    partition.snapshot()
    bench.drain()


def test_records_become_objects_by_site_and_day(make: Callable[..., Bench]) -> None:
    bench = make()
    partition = bench.life()
    partition.write_batch([chunk_of(*range(10)), chunk_of(*range(10, 20), at=NOW + DAY_MS)])
    finish(bench, partition)
    keys = [listed.key for listed in bench.store.listing("raw/")]
    assert len(keys) == 4
    assert {key.split("/")[1] for key in keys} == {"site=s0.example", "site=s1.example"}
    entries = stored_entries(bench.store)[3]
    assert sorted(offset for offset, _ in entries) == list(range(20))
    entry = dict(entries)[7]
    assert (entry.record, entry.visitor_id, entry.country, entry.bot, entry.left_out) == (
        (7).to_bytes(8, "big") * 12, 7, "DE", "crawler", [1]
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_whoever_is_killed_each_record_is_there_and_none_is_wrong(data: st.DataObject) -> None:
    """Lives that begin at the last snapshot, some with an object store and some without."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), segment=data.draw(st.sampled_from([1, 400, 5_000])))
        resume: tuple[object, int] = (None, 0)
        for _ in range(data.draw(st.integers(1, 5))):
            partition, position = bench.life(resume[0], ships=data.draw(st.booleans())), resume[1]
            for _ in range(data.draw(st.integers(0, 6))):
                count = data.draw(st.integers(1, 9))
                partition.write_batch([chunk_of(*range(position, position + count))])
                position += count
                if data.draw(st.booleans()):
                    resume = (partition.snapshot(), position)
        last = bench.life(resume[0])
        last.write_batch([chunk_of(*range(resume[1], resume[1] + 3))])
        finish(bench, last)
        assert bench.offsets()[: resume[1] + 3] == list(range(resume[1] + 3))
        for offset, entry in stored_entries(bench.store)[3]:
            assert entry.record == offset.to_bytes(8, "big") * 12
        bench.close()


def test_shipped_segments_leave_the_disk(make: Callable[..., Bench]) -> None:
    bench = make(segment=1)
    partition = bench.life()
    for number in range(10):
        partition.write_batch([chunk_of(number)])
        partition.snapshot()
        bench.drain()
    for _ in range(4):
        state = partition.snapshot()
    assert list((bench.directory / "spool").glob("*.seg")) == []
    assert bench.shippers[-1].used == 0
    again = bench.life(state)
    again.write_batch([chunk_of(10)])
    finish(bench, again)
    assert bench.offsets() == list(range(11))


def test_a_full_spool_makes_the_flow_wait_and_nothing_is_lost(make: Callable[..., Bench]) -> None:
    bench = make(segment=2_000, limit=8_000)
    bench.away.set()
    partition = bench.life()
    done = threading.Event()

    def write() -> None:
        for number in range(0, 400, 10):
            partition.write_batch([chunk_of(*range(number, number + 10), size=1_000)])
            partition.snapshot()
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    shipper = bench.shippers[-1]
    wait_for("the spool to be full", lambda: shipper.used >= 8_000, 10)
    assert not done.wait(0.3)
    assert shipper.used < 12_000  # a frame more than the limit at most
    bench.away.clear()
    assert done.wait(10)
    thread.join()
    finish(bench, partition)
    assert bench.offsets() == list(range(400))


def test_who_waits_for_room_can_be_stopped(make: Callable[..., Bench]) -> None:
    bench = make(segment=10, limit=20)
    bench.away.set()
    partition = bench.life()
    threading.Timer(0.3, bench.stop.set).start()
    begun = time.monotonic()
    for number in range(50):
        partition.write_batch([chunk_of(number)])
        state = partition.snapshot()
    assert time.monotonic() - begun < 8
    bench.stop.clear()
    bench.away.clear()
    finish(bench, bench.life(state))
    assert bench.offsets() == list(range(50))


def test_a_damaged_segment_is_told_and_holds_nothing_up(
    make: Callable[..., Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make(segment=1)
    first = bench.life(ships=False)
    for number in range(3):
        first.write_batch([chunk_of(number)])
        state = first.snapshot()
    file = sorted((bench.directory / "spool").glob("*.seg"))[1]
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    finish(bench, bench.life(state))
    assert bench.offsets() == [0, 2]
    assert bench.shippers[-1].lost == 1
    assert "records are not archived" in caplog.text


def test_a_fault_of_the_thread_ends_the_flow(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make(segment=1)
    partition = bench.life()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("flows.shipping.objects_of", fail)
    partition.write_batch([chunk_of(0)])
    partition.snapshot()
    wait_for("the thread to end", lambda: not bench.shippers[-1]._thread.is_alive(), 10)
    with pytest.raises(ZeroDivisionError):
        partition.write_batch([chunk_of(*range(1, 3_000), size=1_000)])


def test_small_frames_become_few_and_large_ones_stay(make: Callable[..., Bench]) -> None:
    bench = make(segment=1 << 20)
    partition = bench.life()
    for number in range(100):
        partition.write_batch([chunk_of(number, sites=1)])
        partition._pack_all()
    partition.write_batch([chunk_of(*range(100, 1_000), size=1_000, sites=1)])
    finish(bench, partition)
    (listed,) = bench.store.listing("raw/")
    from footfall.archive import read_entries

    sizes = [len(frame) for frame in read_entries(bench.store.get(listed.key))]
    assert sizes[0] == 100
    assert sum(sizes) == 1_000
    assert len(sizes) < 8


def test_an_s3_server_killed_on_the_way(make_s3: Callable[..., OwnS3], tmp_path: Path) -> None:
    """The flow goes on meanwhile; afterwards all objects are whole."""
    server = make_s3()
    server.start()
    server.client().make_bucket("archive")
    options = server.options("archive", retry_s=0.2)
    bench = Bench(tmp_path / "s3", segment=3_000)
    bench._open = lambda stage: S3Store(options, stage)  # type: ignore[assignment,method-assign,return-value]
    partition = bench.life()
    for number in range(0, 900, 30):
        if number == 300:
            server.kill()
        if number == 600:
            server.start()
        partition.write_batch([chunk_of(*range(number, number + 30))])
        partition.snapshot()
    finish(bench, partition)
    bench.store = S3Store(options, "prod")  # type: ignore[assignment]
    assert bench.offsets() == list(range(900))
    bench.close()


def test_a_token_of_segments_that_are_gone_is_told(make: Callable[..., Bench]) -> None:
    bench = make(segment=1)
    first = bench.life(ships=False)
    first.write_batch([chunk_of(0)])
    state = first.snapshot()
    (file,) = (bench.directory / "spool").glob("*.seg")
    file.unlink()
    segment = Spool(bench.directory / "spool", 1, 1.0).start(state.token)[0]
    with pytest.raises(StateLost):
        list(segment.frames())
