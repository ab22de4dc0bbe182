"""The archive's files: what is written is read, whatever is damaged is noticed."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.archive import (
    ArchiveDamaged,
    Entry,
    Header,
    Packer,
    day_of,
    object_key,
    place_of,
    read_entries,
    read_header,
    site_prefix,
)
from footfall.event import Item
from footfall.record import LogEvent, Record, decode, encode
from objects.keys import is_key

HEADER = Header(stage="prod", site_id="shop.example", date="2026-11-27", partition=3, first=1, last=9, records=0)
texts = st.text(max_size=20)
entries = st.builds(
    Entry,
    offset=st.integers(0, 2**63),
    log_time=st.integers(0, 2**42),
    record=st.binary(max_size=300),
    visitor_id=st.integers(0, 2**64 - 1),
    country=texts,
    region=texts,
    city=texts,
    bot=texts,
    left_out=st.lists(st.integers(0, 65_535), max_size=5),
)


def made(frames: list[list[Entry]]) -> bytes:
    packer = Packer()
    header = msgspec.structs.replace(HEADER, records=sum(map(len, frames)))
    return b"".join([packer.header(header), *map(packer.entries, frames)])


@given(st.lists(st.lists(entries, max_size=4), max_size=4))
def test_what_is_written_is_read(frames: list[list[Entry]]) -> None:
    data = made(frames)
    assert list(read_entries(data)) == frames
    assert read_header(data).records == sum(map(len, frames))


@settings(deadline=None)
@given(st.data())
def test_damage_is_noticed(data: st.DataObject) -> None:
    whole = made([[Entry(n, 5, b"some record" * n, 7, "DE", "", "", "", [])] for n in range(1, 4)])
    kind = data.draw(st.sampled_from(["cut", "flip", "more"]))
    place = data.draw(st.integers(0, len(whole) - 1))
    broken = {
        "cut": whole[:place],
        "flip": whole[:place] + bytes([whole[place] ^ 1 << data.draw(st.integers(0, 7))]) + whole[place + 1 :],
        "more": whole + b"x",
    }[kind]
    try:
        found = [entry for frame in read_entries(broken) for entry in frame]
    except ArchiveDamaged:
        return
    # A bit that says nothing (an unused one of a frame's header) may be another one.
    assert found == [entry for frame in read_entries(whole) for entry in frame]


def test_a_newer_version_is_refused() -> None:
    newer = Packer().header(msgspec.structs.replace(HEADER, version=2))
    with pytest.raises(ArchiveDamaged, match="upgrade"):
        read_header(newer)


def test_a_frame_that_would_fill_the_memory_is_refused() -> None:
    bomb = zstandard.ZstdCompressor().compress(bytes(65 * 1024 * 1024))
    with pytest.raises(ArchiveDamaged, match="unpacks to"):
        list(read_entries(Packer().header(HEADER) + bomb))


def test_fields_that_a_newer_footfall_added_are_passed_over() -> None:
    longer = zstandard.ZstdCompressor().compress(
        msgspec.msgpack.encode([[1, 2, b"r", 3, "DE", "", "", "", [], "new", 5]])
    )
    data = Packer().header(msgspec.structs.replace(HEADER, records=1)) + longer
    assert list(read_entries(data)) == [[Entry(1, 2, b"r", 3, "DE", "", "", "", [])]]


@given(st.text(min_size=1, max_size=260), st.dates(date(1970, 1, 1), date(2199, 12, 31)), st.integers(0, 65_535))
def test_every_key_is_one_of_an_object_and_says_what_it_holds(site_id: str, day: date, partition: int) -> None:
    key = object_key(site_id, day, partition, 5, 2**63)
    assert is_key(key, "production")
    place = place_of(key)
    assert place is not None
    assert (place.date, place.partition, place.first, place.last) == (day.isoformat(), partition, 5, 2**63)
    assert key.startswith(site_prefix(site_id))


def test_sites_do_not_share_a_folder() -> None:
    hashed = site_prefix("x" * 251).removeprefix("raw/site=").rstrip("/")
    names = ["a.example", "A.example", "a.example ", "x" * 250, "x" * 251, hashed, "a/b", ".."]
    assert len({site_prefix(name) for name in names}) == len(names)


def test_the_day_is_that_of_log_time_in_utc() -> None:
    assert day_of(1_790_000_000_000 // 86_400_000 * 86_400_000 - 1) != day_of(1_790_000_000_000)
    assert place_of("raw/site=a/date=2026-01-01/other") is None


def test_the_ten_lines_of_the_documentation_read_a_file(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/archive.md").read_text()
    (program,) = [part.split("```")[0] for part in page.split("```python\n")[1:]]
    file = tmp_path / "object"
    event = LogEvent(name="page_view", event_id=bytes(16), items=[Item("a")])
    record = encode(Record(site_id="shop.example", events=[event]))
    file.write_bytes(made([[Entry(4711, 1_790_000_000_000, record, 7, "DE", "", "", "crawler", [])]]))
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=True)
    assert "shop.example" in done.stdout
    assert "4711" in done.stdout
    assert "page_view" in done.stdout


def test_what_version_1_wrote_is_read() -> None:
    """The file is of the code that wrote version 1 first, and is never made anew."""
    data = (Path(__file__).parent / "version-1.msgpack.zst").read_bytes()
    assert read_header(data) == Header(
        stage="prod", site_id="shop", date="2026-09-21", partition=3, first=4711, last=4712, records=2
    )
    first, second = [entry for frame in read_entries(data) for entry in frame]
    assert (first.offset, first.visitor_id, first.country, first.bot, first.left_out) == (4711, 7, "DE", "", [0])
    assert (second.offset, second.visitor_id, second.country, second.bot, second.left_out) == (
        4712, 8, "", "crawler", []
    )  # fmt: skip
    assert [event.name for event in decode(first.record).events] == ["page_view", "purchase"]
