"""Lines to records: ids that a repeated import makes alike, and no address in any byte."""

from __future__ import annotations

import gzip
from datetime import UTC
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.importer.lines import Line, LogFile, Ordinals
from cli.importer.records import MAX_RECORD_EVENTS, Made, RecordMaker
from cli.importer.visits import DAY_MS
from footfall.access_log import MAX_LINE_BYTES
from footfall.names import IdKind, Source
from footfall.record import encode

SITE = "shop.example.com"
SECRET = bytes(32)


def line_of(
    address: str = "83.149.9.216", minute: int = 5, target: str = "/a", agent: str = "UA", day: int = 17
) -> bytes:
    return (
        f'{address} - joe [{day}/May/2015:10:{minute:02}:03 +0000] "GET {target} HTTP/1.1" 200 5 "-" "{agent}"'
    ).encode()


def make(lines: list[bytes]) -> tuple[list[Made], RecordMaker]:
    maker = RecordMaker(SITE, SITE, SECRET, zone=UTC, now_ms=1_800_000_000_000)
    ordinals = Ordinals()
    made = [made for data in lines for made in maker.add(Line(data, ordinals.of(data)))]
    return [*made, *maker.finish()], maker


def test_a_page_view_and_a_request() -> None:
    made, maker = make([line_of(target="/shop?x=1"), line_of(target="/logo.png")])
    (only,) = made
    record = only.record
    assert (record.site_id, record.source, record.id_kind) == (SITE, Source.IMPORT, IdKind.DAILY)
    assert (record.address, record.user_agent, record.sdk) == ("83.149.9.0", "UA", "access-log")
    assert [event.name for event in record.events] == ["page_view", "request"]
    assert record.events[0].url == f"https://{SITE}/shop?x=1"
    assert record.events[0].occurred_at == record.received_at == 1_431_857_103_000
    assert record.events[1].request is not None
    assert record.events[1].request.status == 200
    assert (maker.counts.lines, maker.counts.parsed, maker.counts.page_views) == (2, 2, 1)


def test_equal_lines_are_two_events_and_always_the_same_two() -> None:
    first, _ = make([line_of()] * 2)
    again, _ = make([line_of()] * 2)
    ids = [event.event_id for event in first[0].record.events]
    assert len(set(ids)) == 2
    assert [encode(made.record) for made in first] == [encode(made.record) for made in again]


@pytest.mark.parametrize(
    "other", [{"address": "83.149.9.217"}, {"agent": "Other"}, {"day": 18}], ids=["address", "agent", "day"]
)
def test_another_address_agent_or_day_is_another_visitor(other: dict[str, object]) -> None:
    made, _ = make([line_of(), line_of(**other)])  # type: ignore[arg-type]  # as given
    assert len({one.record.visitor_id for one in made}) == 2


def test_a_visitor_has_one_route_all_day_and_records_are_bounded() -> None:
    lines = [line_of(minute=i % 60, target=f"/{i}") for i in range(MAX_RECORD_EVENTS + 1)]
    made, _ = make([*lines, line_of("10.0.0.1"), line_of()])
    assert [len(one.record.events) for one in made] == [MAX_RECORD_EVENTS, 1, 1, 1]
    assert len({one.route for one in made if one.record.address == "83.149.9.0"}) == 1
    assert len({one.record.batch_id for one in made}) == 4


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("*", f"https://{SITE}/*"),
        ("http://proxy.example/x?y=1", f"https://{SITE}/x?y=1"),
        ("proxy.example:443", f"https://{SITE}/proxy.example:443"),
        ("http://[bad", f"https://{SITE}/http://[bad"),
        ("//two//slashes", f"https://{SITE}//two//slashes"),
    ],
)
def test_whatever_was_requested_belongs_to_the_site(target: str, url: str) -> None:
    made, _ = make([line_of(target=target)])
    assert made[0].record.events[0].url == url


def test_a_bad_line_is_set_aside_redacted() -> None:
    data = line_of()[:60]
    made, maker = make([data, line_of()])
    bad = made[0].record
    assert (bad.kind, bad.reason, bad.events) == ("quarantine", "malformed_line", [])
    assert b"83.149.9.216" not in bad.payload
    assert b"joe" not in bad.payload
    assert bad.batch_id == make([data])[0][0].record.batch_id
    assert maker.counts.bad == {"not an access log line": 1}


@given(
    st.lists(
        st.tuples(st.ip_addresses(), st.sampled_from(["/a", "/ip/{}", "/?r=http%3A%2F%2F{}%2F"]), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_no_full_address_is_in_any_byte(visits: list[tuple[object, str, bool]]) -> None:
    lines = []
    for address, target, broken in visits:
        line = line_of(str(address), target=target.format(address), agent=f"agent of {address}")
        lines.append(line[: len(line) - 1] if broken else line)
    written = b"".join(encode(made.record) for made in make(lines)[0])
    for address, _, _ in visits:
        if not str(address).endswith((".0", "::")):
            assert str(address).encode() not in written


def test_days_are_utc() -> None:
    late = line_of().replace(b"10:05:03 +0000", b"23:30:00 -0100")
    made, _ = make([late])
    assert made[0].record.received_at // DAY_MS == 1_431_820_800_000 // DAY_MS + 1


# Files.


def read(path: Path) -> list[Line]:
    return list(LogFile(str(path)).lines())


def test_plain_and_gzipped_files_read_alike(tmp_path: Path) -> None:
    content = b"one\r\n\ntwo\none\nlast"
    (tmp_path / "a.log").write_bytes(content)
    (tmp_path / "no-suffix").write_bytes(gzip.compress(content))
    expected = [Line(b"one", 0), Line(b"two", 0), Line(b"one", 1), Line(b"last", 0)]
    assert read(tmp_path / "a.log") == read(tmp_path / "no-suffix") == expected


def test_an_endless_line_is_cut_and_the_next_one_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (3 * MAX_LINE_BYTES) + b"\nnext\n")
    first, second = read(tmp_path / "a")
    assert MAX_LINE_BYTES < len(first.data) <= MAX_LINE_BYTES + 2
    assert second.data == b"next"


def test_a_cut_gzip_file_is_a_plain_message(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"one\n" * 5000)[:-12])
    with pytest.raises(click.ClickException, match="damaged or cut off"):
        read(tmp_path / "a.gz")


def test_ordinals_are_bounded() -> None:
    ordinals = Ordinals(limit=3)
    assert [ordinals.of(b"a"), ordinals.of(b"a"), ordinals.of(b"b"), ordinals.of(b"a")] == [0, 1, 0, 2]
    for text in (b"c", b"d", b"e"):
        ordinals.of(text)
    assert len(ordinals._seen) == 3
