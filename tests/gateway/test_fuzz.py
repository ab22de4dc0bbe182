"""What comes from the network, as hypothesis imagines it: bodies, queries, proxies' headers."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
from collections.abc import AsyncIterator

import brotli
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from footfall.event import MAX_BATCH_BYTES
from ingest_gateway.address import AddressResolver, parse_networks
from ingest_gateway.answers import RefusedError
from ingest_gateway.body import Room, read_body
from ingest_gateway.pixel import parse_pixel, parse_query
from ingest_gateway.texts import hide_in_header

PACK = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": bytes,
}
ENCODINGS = st.sampled_from(sorted(PACK))
HOSTS = st.ip_addresses().map(str) | st.sampled_from(["", "unknown", "[::1", "fe80::1%eth0", "1.2.3.4:x", '"'])


class Sent:
    """A body in parts, as Granian hands it over."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    async def __call__(self) -> bytes:
        return b"".join(self._parts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


def read(encoding: str, length: str, parts: list[bytes]) -> bytes | int:
    """The body, or the status of the refusal; anything else fails the test."""
    try:
        return asyncio.run(read_body(encoding, length, Sent(parts), Room()))
    except RefusedError as refusal:
        return refusal.status


@given(ENCODINGS, st.lists(st.binary(max_size=200), max_size=4), st.booleans())
def test_any_bytes_are_read_or_refused(encoding: str, parts: list[bytes], sized: bool) -> None:
    length = str(sum(map(len, parts))) if sized else ""
    found = read(encoding, length, parts)
    if encoding == "identity":
        assert found == b"".join(parts)
    else:
        assert isinstance(found, bytes) or found in (400, 413)


@given(ENCODINGS, st.binary(max_size=300), st.data())
def test_a_packed_body_comes_out_whole_and_a_damaged_one_never_as_something_longer(
    encoding: str, plain: bytes, data: st.DataObject
) -> None:
    packed = PACK[encoding](plain)
    assert read(encoding, str(len(packed)), [packed]) == plain
    cut = data.draw(st.integers(0, len(packed)), label="cut")
    assert read(encoding, "", [packed[:cut], packed[cut:]]) == plain  # however it arrives
    place = data.draw(st.integers(0, max(0, len(packed) - 1)), label="place")
    damaged = packed[:place] + data.draw(st.binary(max_size=3), label="instead") + packed[place + 1 :]
    found = read(encoding, str(len(damaged)), [damaged])
    assert len(found) <= MAX_BATCH_BYTES if isinstance(found, bytes) else found in (400, 413)


@given(st.text(max_size=12), st.text(max_size=25))
def test_any_encoding_and_length_named_in_headers(encoding: str, length: str) -> None:
    found = read(encoding, length, [b"{}"])
    assert found == b"{}" or found in (400, 413, 415)


@given(st.text(max_size=400), st.text(max_size=100))
def test_any_query_makes_a_page_view_or_is_refused(query: str, referer: str) -> None:
    try:
        parsed = parse_pixel(parse_query(query), referer)
        outcome = len(parsed.batch.events) + len(parsed.rejected)
    except RefusedError as refusal:
        outcome = refusal.status
    assert outcome in (1, 400)


@given(HOSTS | st.text(max_size=30), st.lists(HOSTS | st.text(max_size=20), max_size=6), st.booleans())
def test_any_proxys_header_gives_an_address_somebody_vouches_for(peer: str, hops: list[str], x: bool) -> None:
    trusted = parse_networks("127.0.0.1, 10.0.0.0/8")
    forwarded = "" if x else ", ".join(f"for={hop}" for hop in hops)
    near = f"127.0.0.1:{len(hops)}"
    found = AddressResolver(trusted).resolve(near, ",".join(hops) if x else "", forwarded)
    assert str(ipaddress.ip_address(found.full)) == found.full
    far = AddressResolver(trusted).resolve("192.0.2.7:1", peer, "")
    assert far.full == "192.0.2.7"  # nobody trusts that peer, whatever it says


@given(st.ip_addresses(), st.text(max_size=20))
def test_no_full_address_is_left_in_a_header(address: object, text: str) -> None:
    hidden = hide_in_header(f"{text} {address} (x)")
    assert str(address) not in hidden or str(address).endswith((".0", "::"))
