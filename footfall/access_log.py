"""Access logs: one line of nginx or Apache as a value. Never raises.

Understood are common and combined, each with or without a virtual host in front
(`vhost:port`, Apache's vhost_combined). What a person could be known by leaves with the
full address: the user name field is not read, and `hide_addresses` runs over every text.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from msgspec import Struct

from footfall.event import MAX_URL_CHARS
from footfall.ids import truncate_address

MAX_LINE_BYTES = 65_536
MAX_AGENT_CHARS = 1024
FORMATS = ("auto", "combined", "common", "vhost_combined")

_QUOTED = rb'"((?:[^"\\]|\\.)*)"'  # linear: no two alternatives match the same byte
_LINE = re.compile(
    rb"(?:(?P<vhost>[A-Za-z0-9_.-]+):\d{1,5} +)?(?P<address>\S+) \S+ (?:[^\[]*) ?"
    rb"\[(?P<time>[^\]]{20,26})\] " + _QUOTED + rb" (\d{3}) (\d{1,15}|-)"
    rb"(?:(?P<combined> " + _QUOTED + rb" " + _QUOTED + rb")(?: .*)?|(?: [^\"].*)?)\Z",
    re.DOTALL,
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-])(\d\d)(\d\d))?\Z")
_MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
_ESCAPE = re.compile(rb'\\(x[0-9a-fA-F]{2}|["\\bnrtv])')
_ESCAPED = {b'"': b'"', b"\\": b"\\", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_REQUEST = re.compile(r"([A-Za-z_-]{1,32}) (\S+)(?: (HTTP/\d(?:\.\d)?))?\Z")
_IPV4 = re.compile(r"(?:(?<![\d.])|(?<=%[0-9a-fA-F]{2}))\d{1,3}(?:(?:\.|%2[eE])\d{1,3}){3}(?![\d]|\.\d)")
_IPV6 = re.compile(
    r"(?:(?<![\w:])|(?<=%[0-9a-fA-F]{2}))(?:[0-9a-fA-F]{0,4}(?::|%3[aA])){2,7}[0-9a-fA-F]{0,4}(?![\w:]|\.\d)"
)
_OWNER = re.compile(r"\A(\S+)(?: (\S+) ([^\[]*?))?(?= \[|\Z)")


class AccessLine(Struct, frozen=True, gc=False):
    """One request. `address` is the full client address (or host name): it must not be
    written anywhere; the texts beside it hold truncated addresses only."""

    address: str
    at_ms: int
    method: str
    target: str  # as requested: path and query, or a full URL
    status: int
    bytes: int
    referrer: str = ""
    user_agent: str = ""
    host: str = ""  # of the virtual host; empty where the log has none
    identity_agent: str = ""  # the user agent as it came, for the visitor hash only


class BadLine(Struct, frozen=True, gc=False):
    """A line that could not be read: why, and the line redacted."""

    detail: str
    redacted: bytes


def parse_line(line: bytes, zone: tzinfo = UTC, log_format: str = "auto") -> AccessLine | BadLine:
    """What `line` (with or without its line end) says; `zone` counts where the time has no
    offset. Never raises."""
    line = line.rstrip(b"\r\n")
    if len(line) > MAX_LINE_BYTES:
        return _bad("longer than 64 KiB", line)
    match = _LINE.match(line)
    if match is None:
        return _bad("not an access log line", line)
    if log_format in ("combined", "vhost_combined") and match["combined"] is None:
        return _bad("no referrer and user agent", line)
    if log_format == "vhost_combined" and match["vhost"] is None:
        return _bad("no virtual host", line)
    at_ms = _time_ms(match["time"].decode("ascii", "replace"), zone)
    if at_ms is None:
        return _bad("unreadable time", line)
    return _access_line(match, at_ms, line)


def _access_line(match: re.Match[bytes], at_ms: int, line: bytes) -> AccessLine | BadLine:
    request = _REQUEST.match(_text(match[4]))
    if request is None:
        return _bad("unreadable request", line)
    agent = _dash(_text(match[9]))
    return AccessLine(
        address=_text(match["address"]),
        at_ms=at_ms,
        method=request[1].upper(),
        target=hide_addresses(request[2])[:MAX_URL_CHARS],
        status=int(match[5]),
        bytes=0 if match[6] == b"-" else min(int(match[6]), 2**53),
        referrer=hide_addresses(_dash(_text(match[8])))[:MAX_URL_CHARS],
        user_agent=hide_addresses(agent)[:MAX_AGENT_CHARS],
        host=_text(match["vhost"]).lower(),
        identity_agent=agent,
    )


def hide_addresses(text: str) -> str:
    """`text` with every IP address in it truncated to /24 or /48."""
    if "." in text or "%2" in text:
        text = _IPV4.sub(_truncated, text)
    if ":" in text or "%3" in text:
        text = _IPV6.sub(_truncated, text)
    return text


def redact_line(line: bytes) -> bytes:
    """A line that cannot be parsed, fit to be kept: addresses truncated, a host name in
    the address's place and the user name gone, at most 4 KiB."""
    text = hide_addresses(_text(line[:4096]))
    return _OWNER.sub(_without_owner, text).encode()


def is_asset(target: str) -> bool:
    """Whether the target is a file that pages are made of, or machinery beside them."""
    path = target.partition("?")[0].lower()
    last = path.rpartition("/")[2]
    return ("." in last and last.rpartition(".")[2] in ASSET_EXTENSIONS) or path.startswith(ASSET_PATHS)


def is_page_view(line: AccessLine) -> bool:
    """GET, answered with 2xx or 304, and no asset."""
    return line.method == "GET" and (200 <= line.status < 300 or line.status == 304) and not is_asset(line.target)


def _bad(detail: str, line: bytes) -> BadLine:
    return BadLine(detail, redact_line(line))


def _text(raw: bytes | None) -> str:
    if raw is None:
        return ""
    if b"\\" in raw:
        raw = _ESCAPE.sub(lambda m: bytes.fromhex(m[1][1:].decode()) if m[1][:1] == b"x" else _ESCAPED[m[1]], raw)
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")


def _dash(text: str) -> str:
    return "" if text == "-" else text


@lru_cache(maxsize=1024)
def _time_ms(text: str, zone: tzinfo) -> int | None:
    match = _TIME.match(text)
    if match is None or match[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(match[i]) for i in (1, 3, 4, 5, 6))
    try:
        if match[7]:
            offset = timedelta(hours=int(match[8]), minutes=int(match[9]))
            zone = timezone(offset if match[7] == "+" else -offset)
        moment = datetime(year, _MONTHS[match[2]], day, hour, minute, min(second, 59), tzinfo=zone)
        millis = int(moment.timestamp()) * 1000
    except (ValueError, OverflowError):
        return None
    return millis if millis >= 0 else None


def _truncated(match: re.Match[str]) -> str:
    plain = re.sub("%2e", ".", re.sub("%3a", ":", match[0], flags=re.IGNORECASE), flags=re.IGNORECASE)
    try:
        ipaddress.ip_address(plain)
    except ValueError:
        return match[0]
    return truncate_address(plain)


def _without_owner(match: re.Match[str]) -> str:
    try:
        ipaddress.ip_address(match[1])
        owner = match[1]
    except ValueError:
        owner = "-"
    return f"{owner} - -" if match[2] else owner


_STYLE = {"css", "js", "mjs", "map", "json", "wasm", "webmanifest", "woff", "woff2", "ttf", "otf", "eot", "xsl"}
_IMAGE = {"avif", "bmp", "cur", "gif", "ico", "jpeg", "jpg", "png", "svg", "svgz", "tif", "tiff", "webp", "swf"}
_MEDIA = {"mp3", "mp4", "m4a", "m4s", "m3u8", "ogg", "ogv", "wav", "webm", "flv", "avi", "mov", "mkv", "ts"}
_ARCHIVE = {"zip", "gz", "bz2", "xz", "tar", "tgz", "rar", "7z", "exe", "dmg", "deb", "rpm", "apk", "iso", "jar"}
_MACHINE = {"txt", "xml", "rss", "atom"}
ASSET_EXTENSIONS = frozenset(_STYLE | _IMAGE | _MEDIA | _ARCHIVE | _MACHINE)
ASSET_PATHS = (
    "/.well-known/",
    "/favicon",
    "/apple-touch-icon",
    "/cdn-cgi/",
    "/server-status",
    "/healthz",
    "/metrics",
    "/wp-json/",
    "/wp-cron.php",
    "/_next/",
)
