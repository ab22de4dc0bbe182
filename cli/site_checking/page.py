"""What a page's HTML says: the tags that load Footfall, and policies."""

from __future__ import annotations

import re
from collections.abc import Collection
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from cli.site_checking.fetching import Answer

BATCH, PIXEL = "/v1/batch", "/v1/pixel.gif"
_PINNED = re.compile(r"-[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*$")
POLICY = "content-security-policy"


class Tag(Struct, frozen=True):
    """A script that is Footfall's. URLs are absolute."""

    src: str
    public_id: str
    endpoint: str  # where its batches go
    integrity: str = ""
    nonce: str = ""
    crossorigin: bool = False
    part: str = ""  # what the first part that it loads must be


class Page(Struct):
    """What was found in the HTML."""

    url: str
    tags: list[Tag] = []
    pixels: list[str] = []  # their URLs
    policies: list[str] = []  # of header and meta


def read_page(answer: Answer, script_names: Collection[str]) -> Page:
    """`script_names`: what a script of ours may be called, beside f.js and pixel.js."""
    stems = {"f", "pixel"} | {name.removesuffix(".js") for name in script_names}
    charset = answer.headers.get_content_charset() or "utf-8"
    try:
        text = answer.body.decode(charset, "replace")
    except LookupError:
        text = answer.body.decode("utf-8", "replace")
    page = Page(answer.url, policies=list(answer.headers.get_all(POLICY) or []))
    reader = _Reader(page, stems)
    reader.feed(text)
    return page


class _Reader(HTMLParser):
    def __init__(self, page: Page, stems: Collection[str]) -> None:
        super().__init__()
        self._page = page
        self._stems = stems
        self._base = page.url

    def parse_html_declaration(self, i: int) -> int:
        """`<![...` is a comment, as browsers have it; the library gives up on some of these."""
        if self.rawdata.startswith("<![", i):
            return self.parse_bogus_comment(i)
        return super().parse_html_declaration(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One that matters to us."""
        given = {name: value or "" for name, value in reversed(attrs)}  # of two alike the first counts
        try:
            self._take(tag, given)
        except ValueError:
            return  # what is no URL is loaded by no browser

    def _take(self, tag: str, given: dict[str, str]) -> None:
        if tag == "base" and given.get("href"):
            self._base = urljoin(self._page.url, given["href"])
        elif tag == "meta" and given.get("http-equiv", "").lower() == POLICY:
            self._page.policies.append(given.get("content", ""))
        elif tag == "script" and given.get("src"):
            self._script(given)
        elif tag == "img" and PIXEL in given.get("src", ""):
            self._page.pixels.append(urljoin(self._base, given["src"]))

    def _script(self, given: dict[str, str]) -> None:
        src = urljoin(self._base, given["src"].strip())
        public_id = given.get("data-site", "")
        if not public_id.startswith("pub_") and not (self._is_named(src) and "data-site" in given):
            return
        endpoint = endpoint_of(src, given.get("data-endpoint", ""))
        crossorigin = "crossorigin" in given
        integrity, nonce, part = (given.get(name, "") for name in ("integrity", "nonce", "data-auto"))
        tag = Tag(src, public_id, endpoint, integrity, nonce, crossorigin, part)
        self._page.tags.append(tag)

    def _is_named(self, src: str) -> bool:
        name = urlsplit(src).path.rpartition("/")[2]
        return name.endswith(".js") and _PINNED.sub("", name.removesuffix(".js")) in self._stems


def endpoint_of(src: str, endpoint: str) -> str:
    """Where the script at `src` sends batches, as the SDK works it out."""
    return urljoin(src, endpoint or BATCH)
