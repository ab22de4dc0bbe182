"""HTTP with bounds: of size, of time, of redirects."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import NamedTuple

import footfall

TIMEOUT_S = 10.0
MAX_BYTES = 2 * 1024 * 1024
MAX_REDIRECTS = 5
PART = 64 * 1024
AGENT = f"Mozilla/5.0 (compatible; footfall-site-check/{footfall.__version__})"
BOT = f"Mozilla/5.0 (compatible; footfall-site-check-bot/{footfall.__version__})"  # counts for nobody


class FetchError(RuntimeError):
    """No answer; the message says why."""


class Answer(NamedTuple):
    """What came, from wherever redirects led."""

    url: str
    status: int
    headers: Message
    body: bytes
    cut: bool  # there was more than fits


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = MAX_REDIRECTS


def fetch(
    url: str, body: bytes | None = None, headers: dict[str, str] | None = None, timeout_s: float = TIMEOUT_S
) -> Answer:
    """GET, or POST of a body; whatever the status. At most 2 MiB are read. Raises `FetchError`."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise FetchError(f"{url} is no http or https URL")
    deadline = time.monotonic() + timeout_s
    opener = urllib.request.build_opener(_Redirects)
    try:
        asked = urllib.request.Request(url, body, {"User-Agent": AGENT, "Accept": "*/*"} | (headers or {}))  # noqa: S310
        try:
            answer = opener.open(asked, timeout=timeout_s)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            content, cut = _read(answer, deadline)
            return Answer(answer.geturl(), int(answer.status), answer.headers, content, cut)
    except TimeoutError as error:
        raise FetchError(f"{url} did not answer within {timeout_s:g} s") from error
    except urllib.error.URLError as error:
        raise FetchError(f"{url} does not answer: {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(f"{url} cannot be fetched: {error or type(error).__name__}") from error


def _read(answer: http.client.HTTPResponse | urllib.error.HTTPError, deadline: float) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    size = 0
    while part := answer.read1(PART):  # what is there, not until so much is
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            return b"".join(parts)[:MAX_BYTES], True
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(parts), False


def origin_of(url: str) -> str:
    """As a browser writes it: scheme and host, the port where it is not the scheme's own."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    own = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != own else "")
