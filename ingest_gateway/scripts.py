"""The SDK's built files, as the gateway serves them: read, checked and compressed once, at the start.

The files and their manifest are made by the SDK's build and committed. What they are called in a URL
is in `tails`: `/f.js` is "/f" + ".js", and a site's own name stands in place of "/f".
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from pathlib import Path

import brotli
import msgspec
from msgspec import Struct

from ingest_gateway.answers import Answer, Headers, RefusedError
from ingest_gateway.directory import SCRIPT_STEM
from ingest_gateway.request import Request

FOLDER = Path(__file__).parent / "sdk"
MANIFEST = "manifest.json"
STEMS = (SCRIPT_STEM, "/pixel")
FRESH = "public, max-age=3600, stale-while-revalidate=86400"
PINNED = "public, max-age=31536000, immutable"
_FILE = re.compile(r"f(\.[a-z0-9-]+)?\.js")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]*")

Handler = Callable[[Request], Awaitable[Answer]]


class ScriptsError(RuntimeError):
    """The built files are not what their manifest says."""


class File(Struct, frozen=True):
    """One built file, as the manifest describes it."""

    bytes: int
    sha256: str  # base64, as in an integrity attribute
    gzip: int = 0  # bytes at gzip -9


class Manifest(Struct, frozen=True):
    """What the SDK's build made."""

    version: str
    files: dict[str, File]


NOTHING = Manifest("", {})


class Script:
    """One file under one caching rule: an answer for each content coding, and one for "you have it"."""

    def __init__(self, content: bytes, sha256: str, cache: str) -> None:
        self._answers = {
            "": _answer(content, "", sha256, cache),
            "gzip": _answer(gzip.compress(content, 9, mtime=0), "gzip", sha256, cache),
            "br": _answer(brotli.compress(content), "br", sha256, cache),
        }
        self._same = {coding: answer._replace(status=304, body=b"") for coding, answer in self._answers.items()}
        self._tags = {_tag(sha256, coding) for coding in self._answers}

    async def answer(self, request: Request) -> Answer:
        """200, or 304 where the browser has this very content."""
        coding = choose_coding(request.headers.get("accept-encoding", ""))
        known = request.headers.get("if-none-match", "")
        return self._same[coding] if known and self._has(known) else self._answers[coding]

    def _has(self, known: str) -> bool:
        # A proxy that compresses makes a tag weak.
        return any(tag.strip().removeprefix("W/") in self._tags for tag in known.split(",")) or known == "*"


def _tag(sha256: str, coding: str) -> str:
    return f'"{sha256[:22]}{"-" if coding else ""}{coding}"'


def _answer(body: bytes, coding: str, sha256: str, cache: str) -> Answer:
    headers: Headers = [
        ("content-type", "text/javascript; charset=utf-8"),
        ("etag", _tag(sha256, coding)),
        ("cache-control", cache),
        ("vary", "accept-encoding"),
        # `integrity` needs crossorigin, and that this.
        ("access-control-allow-origin", "*"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("timing-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
    ]
    return Answer(200, [*headers, ("content-encoding", coding)] if coding else headers, body)


@lru_cache(1024)
def choose_coding(accepted: str) -> str:
    """The best of br, gzip and none that an Accept-Encoding takes."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weights[coding.strip()] = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    anything = weights.get("*", 0.0)
    return next((coding for coding in ("br", "gzip") if weights.get(coding, anything) > 0), "")


class Scripts:
    """All files, by the tails of their paths."""

    def __init__(self, manifest: Manifest = NOTHING, contents: Mapping[str, bytes] | None = None) -> None:
        self.manifest = manifest
        self._by_tail: dict[str, Script] = {}
        for name, content in (contents or {}).items():
            tail, sha256 = name.removeprefix("f"), manifest.files[name].sha256
            self._by_tail[tail] = Script(content, sha256, FRESH)
            self._by_tail[f"-{manifest.version}{tail}"] = Script(content, sha256, PINNED)

    @property
    def tails(self) -> tuple[str, ...]:
        """`.js`, `.auto.js`, `-0.1.0.js` ...; `.js` is always among them."""
        return tuple({".js": None} | dict.fromkeys(self._by_tail))

    def handlers(self) -> dict[str, Handler]:
        """Path -> handler, under the names that hold for all sites."""
        found = {tail: script.answer for tail, script in self._by_tail.items()}
        return {stem + tail: found.get(tail, _missing) for stem in STEMS for tail in self.tails}


async def _missing(_request: Request) -> Answer:
    raise RefusedError(404, "not_found", "this installation has no built script: install a release of Footfall")


def load_scripts(folder: Path) -> Scripts:
    """The files of a folder; none where it has no manifest. `ScriptsError` where they and the manifest differ."""
    manifest = read_manifest(folder)
    there = {path.name for path in folder.glob("*.js")}
    if there != manifest.files.keys():
        raise ScriptsError(_say(folder, f"has {_listed(there)}, {MANIFEST} names {_listed(set(manifest.files))}"))
    contents = {name: _checked(folder, name, told) for name, told in manifest.files.items()}
    if manifest.files and "f.js" not in contents:
        raise ScriptsError(_say(folder, "lacks f.js"))
    return Scripts(manifest, contents)


def read_manifest(folder: Path) -> Manifest:
    """As it stands; empty where there is none. `ScriptsError` for one that is no manifest."""
    path = folder / MANIFEST
    if not path.exists():
        return NOTHING
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ScriptsError(_say(folder, f"has a {MANIFEST} that cannot be read ({error})")) from error
    if not _VERSION.fullmatch(manifest.version):
        raise ScriptsError(_say(folder, f"has a {MANIFEST} of version {manifest.version!r}: one is like 0.1.0"))
    wrong = {name for name in manifest.files if not _FILE.fullmatch(name)}
    if wrong:
        raise ScriptsError(_say(folder, f"has files of other names than f.js and f.<part>.js: {_listed(wrong)}"))
    return manifest


def _checked(folder: Path, name: str, told: File) -> bytes:
    content = (folder / name).read_bytes()
    found = base64.b64encode(hashlib.sha256(content).digest()).decode()
    if (len(content), found) != (told.bytes, told.sha256):
        raise ScriptsError(
            _say(folder, f"has a {name} of {len(content)} bytes that is not the one {MANIFEST} was made of")
        )
    return content


def _say(folder: Path, what: str) -> str:
    return f"the folder of the SDK's built files {what}: build the SDK again, or install Footfall again ({folder})"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "no script"
