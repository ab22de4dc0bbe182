"""One line of an access log: what is read, what is refused, and that no address leaves."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from footfall.access_log import (
    MAX_LINE_BYTES,
    AccessLine,
    BadLine,
    hide_addresses,
    is_asset,
    is_page_view,
    parse_line,
    redact_line,
)

COMBINED = (
    b'83.149.9.216 - frank [17/May/2015:10:05:03 +0000] "GET /shop?q=1 HTTP/1.1" 200 203023 '
    b'"http://example.com/start" "Mozilla/5.0 (X11; Linux x86_64)"'
)
FULL_IPV4 = re.compile(
    r"(?<![\d.])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){2}\.[1-9]\d*(?![\d.])"
)


def read(line: bytes, **options: object) -> AccessLine:
    result = parse_line(line, **options)  # type: ignore[arg-type]  # options as given
    assert isinstance(result, AccessLine), result
    return result


def test_a_combined_line() -> None:
    line = read(COMBINED + b"\r\n")
    assert line.address == "83.149.9.216"
    assert line.at_ms == 1_431_857_103_000
    assert (line.method, line.target, line.status, line.bytes) == ("GET", "/shop?q=1", 200, 203023)
    assert line.referrer == "http://example.com/start"
    assert line.user_agent == line.identity_agent == "Mozilla/5.0 (X11; Linux x86_64)"


def test_a_common_line_and_one_behind_a_virtual_host() -> None:
    common = b'::1 - - [01/Jan/2024:00:00:00 +0545] "HEAD / HTTP/2.0" 304 -'
    line = read(common)
    assert (line.address, line.bytes, line.user_agent) == ("::1", 0, "")
    assert line.at_ms == 1_704_067_200_000 - (5 * 60 + 45) * 60_000
    assert read(b"Shop.example.com:443 " + common).host == "shop.example.com"


def test_further_fields_are_left_alone() -> None:
    assert read(COMBINED + b' "10.1.2.3" 0.004').user_agent.startswith("Mozilla")


def test_escapes_of_apache_and_nginx() -> None:
    agent = rb"say \"hi\" \\ \x22there\x22 caf\xc3\xa9"
    line = read(COMBINED.replace(b"Mozilla/5.0 (X11; Linux x86_64)", agent))
    assert line.user_agent == 'say "hi" \\ "there" café'


def test_a_time_without_offset_counts_in_the_zone() -> None:
    line = COMBINED.replace(b" +0000]", b"]")
    assert read(line, zone=ZoneInfo("Asia/Kathmandu")).at_ms == 1_431_857_103_000 - (5 * 60 + 45) * 60_000


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        (b"", "not an access log line"),
        (COMBINED[:-1], "not an access log line"),
        (COMBINED.replace(b"May", b"Mai"), "unreadable time"),
        (COMBINED.replace(b"17/May", b"32/May"), "unreadable time"),
        (COMBINED.replace(b"/2015", b"/1900"), "unreadable time"),
        (COMBINED.replace(b"GET /shop?q=1 HTTP/1.1", rb"\x16\x03\x01"), "unreadable request"),
        (COMBINED.replace(b"GET /shop?q=1 HTTP/1.1", b"-"), "unreadable request"),
        (COMBINED + b" " * MAX_LINE_BYTES + b"x", "longer than 64 KiB"),
    ],
)
def test_what_cannot_be_read_says_why(line: bytes, detail: str) -> None:
    result = parse_line(line)
    assert isinstance(result, BadLine)
    assert result.detail == detail


def test_a_named_format_is_held() -> None:
    common = COMBINED[: COMBINED.index(b' "http')]
    assert isinstance(parse_line(common, log_format="common"), AccessLine)
    assert isinstance(parse_line(common, log_format="combined"), BadLine)
    assert isinstance(parse_line(COMBINED, log_format="vhost_combined"), BadLine)


def test_no_full_address_stays_in_any_text() -> None:
    line = read(
        b'83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /ip?a=83.149.9.216&b=http%3A%2F%2F2001:db8:1:2::7 H'
        b'TTP/1.1" 200 1 "http://192.0.2.77:8080/x" "probe 83.149.9.216 ::ffff:9.8.7.6"'
    )
    assert line.target == "/ip?a=83.149.9.0&b=http%3A%2F%2F2001:db8:1::"
    assert line.referrer == "http://192.0.2.0:8080/x"
    assert line.user_agent == "probe 83.149.9.0 ::ffff:9.8.7.0"
    assert "83.149.9.216" in line.identity_agent


def test_a_bad_line_keeps_neither_address_nor_host_nor_user() -> None:
    assert redact_line(COMBINED[:40]) == b"83.149.9.0 - - [17/May/2015:10:05:"
    assert redact_line(b"host.example.net - joe [17/May") == b"- - - [17/May"
    assert b"frank" not in redact_line(COMBINED)


@pytest.mark.parametrize(
    ("target", "asset"),
    [
        ("/", False), ("/shop?img=a.png", False), ("/a.b/page", False),
        ("/index.html", False), ("/manual.pdf", False),
        ("/style.CSS?v=3", True), ("/js/app.min.js", True), ("/favicon.ico", True), ("/robots.txt", True),
        ("/.well-known/security.txt", True), ("/feed.xml", True), ("/png", False),
    ],
)  # fmt: skip
def test_assets(target: str, asset: bool) -> None:
    assert is_asset(target) is asset


@pytest.mark.parametrize(
    ("old", "new", "view"),
    [(b"", b"", True), (b"GET", b"POST", False), (b" 200 ", b" 304 ", True), (b" 200 ", b" 404 ", False),
     (b" 200 ", b" 301 ", False), (b"/shop?q=1", b"/x.png", False), (b" 200 ", b" 206 ", True)],
)  # fmt: skip
def test_page_views(old: bytes, new: bytes, view: bool) -> None:
    assert is_page_view(read(COMBINED.replace(old, new, 1) if old else COMBINED)) is view


pieces = st.sampled_from(
    [b'"', b"\\", b"[", b"]", b" ", b"1.2.3.4", b"::1", b"17/May/2015:10:05:03 +0000", COMBINED]
)


@given(st.lists(pieces | st.binary(max_size=8), max_size=30).map(b"".join))
@example(b'"' * 5000)
@example(b'a - - [17/May/2015:10:05:03 +0000] "' + b"\\" * 5001)
@example(b": " * 20000)
def test_parsing_never_raises(line: bytes) -> None:
    assert isinstance(parse_line(line), AccessLine | BadLine)


@given(st.text(alphabet="0123456789abcdef:.% /=", max_size=60) | st.ip_addresses().map(str))
def test_hiding_addresses_hides_all_of_them_and_is_idempotent(text: str) -> None:
    hidden = hide_addresses(text)
    assert FULL_IPV4.search(hidden) is None
    assert hide_addresses(hidden) == hidden


@given(st.ip_addresses(), st.sampled_from(["{}", "%20{}", "x={}&y", "http://[{}]/", "({})", "by {} on"]))
def test_a_redacted_line_never_holds_the_address(address: object, frame: str) -> None:
    written = frame.format(address)
    hidden = hide_addresses(written)
    full = str(address)
    assert full not in hidden or full.endswith((".0", "::"))
