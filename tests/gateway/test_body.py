"""Large bodies share what room there is."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from footfall.event import MAX_BATCH_BYTES
from ingest_gateway.answers import RefusedError
from ingest_gateway.body import Room, is_plain, read_body, unpack

PART = bytes(1000)


class Slow:
    """A body whose last part comes when it is told to."""

    def __init__(self, parts: int) -> None:
        self._parts = parts
        self.waits = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self) -> bytes:
        raise AssertionError("a large body is read part by part")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._parts):
            yield PART
        self.waits.set()
        await self.go.wait()
        yield PART


@pytest.mark.parametrize("length", ["", "1000000"])
def test_where_too_much_is_on_its_way_a_large_body_is_told_to_come_later(length: str) -> None:
    async def come() -> None:
        room = Room(10 * len(PART))
        first, second = Slow(6), Slow(6)
        reading = asyncio.create_task(read_body("", length, first, room))
        await first.waits.wait()
        with pytest.raises(RefusedError, match="later") as refused:
            await read_body("", length, second, room)
        assert (refused.value.status, refused.value.retry_after_s > 0) == (503, True)
        first.go.set()
        assert len(await reading) == 7 * len(PART)
        assert len(await read_body("", length, Slow9(), room)) == 9 * len(PART)  # all of it is free again

    asyncio.run(come())


class Slow9(Slow):
    """Nine parts, at once."""

    def __init__(self) -> None:
        super().__init__(8)
        self.go.set()


def test_room_is_given_back_by_who_is_refused_or_gone() -> None:
    async def come() -> None:
        room = Room(2 * MAX_BATCH_BYTES)
        for _ in range(3):
            with pytest.raises(RefusedError, match="at most"):
                await read_body("", "", Slow(MAX_BATCH_BYTES // len(PART) + 1), room)
            gone = Slow(900)
            reading = asyncio.create_task(read_body("", "", gone, room))
            await gone.waits.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        room.take(2 * MAX_BATCH_BYTES)

    asyncio.run(come())


def test_small_bodies_are_read_at_once() -> None:
    assert is_plain("", "99999")
    assert not is_plain("", "100000")
    assert not is_plain("gzip", "10")


def test_gzip_without_a_header_is_gzip_under_the_same_bounds() -> None:
    assert unpack(gzip.compress(b'{"events":[]}')) == b'{"events":[]}'
    assert unpack(b'{"events":[]}') == b'{"events":[]}'
    assert unpack(b"") == b""
    assert len(unpack(gzip.compress(bytes(MAX_BATCH_BYTES)))) == MAX_BATCH_BYTES
    for body, status in (
        (gzip.compress(bytes(MAX_BATCH_BYTES + 1)), 413),
        (gzip.compress(b"{}")[:-1], 400),
        (gzip.compress(b"{}") + b"x", 400),
        (b"\x1f\x8b", 400),
    ):
        with pytest.raises(RefusedError) as refused:
            unpack(body)
        assert refused.value.status == status
