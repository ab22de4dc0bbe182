"""What changed in a shard since it was last asked, as bytes: applied in their order, such
deltas make the shard again. Where they are kept is the caller's matter."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

DELTA_FORMAT = 1


class Delta(Struct, array_like=True, kw_only=True):
    """Fields are only ever added at the end, with a default. Ids are u64 in native order."""

    format: int = DELTA_FORMAT
    ids: bytes = b""
    encoded: list[bytes] = []  # of each of `ids`: Visitor.encode()
    gone: bytes = b""  # ids without an open run; they go before `ids` come
    aliases: bytes = b""  # pairs: today's id, yesterday's
    unaliased: bytes = b""  # today's ids that stand for nobody any more; before `aliases`
    pending: bytes | None = None  # encoded rows not yet handed out; None: as before


class Changes:
    """Which visitors and aliases differ from what the deltas so far say."""

    __slots__ = ("aliases", "gone", "visitors")

    def __init__(self) -> None:
        self.visitors: set[int] = set()  # encoded ones; those that are objects all count as changed
        self.gone: set[int] = set()
        self.aliases: set[int] = set()

    def __len__(self) -> int:
        return len(self.visitors) + len(self.gone) + len(self.aliases)


def encode_delta(
    visitors: Mapping[int, bytes],
    gone: Iterable[int] = (),
    aliases: Mapping[int, int] | None = None,
    unaliased: Iterable[int] = (),
    pending: bytes | None = None,
) -> bytes:
    """One delta."""
    pairs = [id for pair in (aliases or {}).items() for id in pair]
    return _encoder.encode(
        Delta(
            ids=_packed(visitors),
            encoded=list(visitors.values()),
            gone=_packed(gone),
            aliases=_packed(pairs),
            unaliased=_packed(unaliased),
            pending=pending,
        )
    )


class Replayed:
    """What a sequence of deltas comes to."""

    def __init__(self) -> None:
        self.visitors: dict[int, bytes] = {}
        self.aliases: dict[int, int] = {}
        self.pending: bytes | None = None

    def apply(self, data: bytes) -> None:
        """Take in the next delta. ValueError where its format is a newer one."""
        delta = _decoder.decode(data)
        if delta.format != DELTA_FORMAT:
            raise ValueError(f"session state of format {delta.format}: upgrade, or start the flow from the log")
        for visitor_id in array("Q", delta.gone):
            self.visitors.pop(visitor_id, None)
        self.visitors.update(zip(array("Q", delta.ids), delta.encoded, strict=True))
        for alias in array("Q", delta.unaliased):
            self.aliases.pop(alias, None)
        pairs = array("Q", delta.aliases)
        self.aliases.update(zip(pairs[::2], pairs[1::2], strict=True))
        if delta.pending is not None:
            self.pending = delta.pending


def _packed(ids: Iterable[int]) -> bytes:
    return array("Q", ids).tobytes()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Delta)
