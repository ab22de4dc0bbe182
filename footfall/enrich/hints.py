"""User-agent client hints: what Chromium browsers say outside the frozen user agent.

The gateway joins the headers as lines `name=value`, e.g. `sec-ch-ua-platform="Windows"`.
Values are structured fields (RFC 8941): quoted strings, `?1` for true.
"""

from __future__ import annotations

import csv
import re

from msgspec import Struct

from footfall.enrich.wordlists import word_list

_BRAND = re.compile(r'"([^"\\]{1,64})";\s*v="(\d{1,6})')
BRANDS: dict[str, str] = dict(csv.reader(word_list("hint_brands.csv")))  # brand -> browser
PLATFORMS = {"macos": "macOS", "chrome os": "Chrome OS", "chromium os": "Chrome OS"}


class Hints(Struct, frozen=True):
    """What was told; empty where it was not."""

    browser: str = ""
    browser_version: str = ""
    os: str = ""
    os_version: str = ""
    model: str = ""
    is_mobile: bool = False


NO_HINTS = Hints()


def read_hints(joined: str) -> Hints:
    """The hints in the gateway's lines; odd ones are ignored. Never raises."""
    if not joined:
        return NO_HINTS
    values = dict(_line(line) for line in joined.split("\n"))
    brands = values.get("sec-ch-ua-full-version-list") or values.get("sec-ch-ua", "")
    known = [(BRANDS[name], version) for name, version in _BRAND.findall(brands) if name in BRANDS]
    # A derivative may name Google Chrome as well as itself: its own name is the truth.
    browser, version = next((pair for pair in known if pair[0] != "Chrome"), known[0] if known else ("", ""))
    platform = _text(values.get("sec-ch-ua-platform", ""))
    os = PLATFORMS.get(platform.lower(), platform)
    return Hints(
        browser=browser,
        browser_version=version,
        os="" if os.lower() == "unknown" else os,
        os_version=_os_version(os, _text(values.get("sec-ch-ua-platform-version", ""))),
        model=_text(values.get("sec-ch-ua-model", "")),
        is_mobile=values.get("sec-ch-ua-mobile", "") == "?1",
    )


def _line(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip().lower(), value.strip()


def _text(value: str) -> str:
    return value.strip('"').strip()[:64]


def _os_version(os: str, version: str) -> str:
    """The marketing version. Windows counts its API contract: 13 and up is Windows 11
    (https://learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11)."""
    major = version.partition(".")[0]
    if not major.isascii() or not major.isdigit() or os == "Linux":
        return ""
    if os != "Windows":
        return str(int(major))
    contract = int(major)
    if contract == 0:
        return {"0.1": "7", "0.2": "8", "0.3": "8.1"}.get(version[:3], "")
    return "11" if contract >= 13 else "10"
