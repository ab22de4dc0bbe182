"""Taking out of texts what nobody else may read."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from footfall.ids import truncate_address
from footfall.settings import Settings

MASK = "***"
SHORTEST = 3  # a shorter secret would be found in every word
# Machines of our own, which a person has to be able to find.
OWN = tuple(
    map(
        ipaddress.ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "0.0.0.0/32",
         "::1/128", "::/128", "fc00::/7", "fe80::/10"),
    )
)  # fmt: skip
_ADDRESS = re.compile(
    r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)|(?<![\w.:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
)
_IN_URL = re.compile(r"(?<=://)[^/\s@]*:[^\s@]*(?=@)")


class Scrubber:
    """Masks known secrets and passwords in URLs, truncates public addresses (/24, /48)."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def scrub(self, text: str) -> str:
        """The text without them."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _ADDRESS.sub(_truncated, _IN_URL.sub(f"{MASK}:{MASK}", text))


def secrets_of(settings: Settings) -> set[str]:
    """Every secret of the settings, as it is written and as a URL decodes it, and the embedded store's own."""
    found = set()
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if field.repr or not value:
            continue
        if "://" not in value:
            found.add(value)
            continue
        try:
            password = urlsplit(value).password
        except ValueError:
            password = None
        if password:
            found |= {password, unquote(password)}
    return found | set(map(_content, (settings.data_dir / "secrets").glob("*")))


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _truncated(found: re.Match[str]) -> str:
    text = found.group()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text  # a time, a version
    return text if any(address in network for network in OWN) else truncate_address(text)
