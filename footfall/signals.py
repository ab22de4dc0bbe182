"""What a request tells besides its body: the bits of `Record.signals`, and the client
hints of `Record.client_hints`.

Written by the gateway, read by enrichment (bot flags, device).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntFlag


class Signal(IntFlag):
    """Bits of `Record.signals`. Values are permanent: they are in the log."""

    GPC = 1  # Sec-GPC: 1
    DNT = 2  # DNT: 1
    NO_ACCEPT_LANGUAGE = 4  # every browser sends it, most scripts do not
    HEADLESS = 8  # user agent or client hints say so
    NO_USER_AGENT = 16
    PREFETCH = 32  # Sec-Purpose or Purpose says prefetch: nobody looks at it yet
    PIXEL = 64  # came through the pixel: no script ran
    NO_ORIGIN = 128  # neither Origin nor Referer


# The places in `Record.client_hints`, which are separated by line feeds (no header value
# can hold one). Trailing empty places are left out; without any hint it is empty.
CLIENT_HINT_HEADERS = (
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
    "sec-ch-ua-model",
    "sec-ch-ua-full-version-list",
)


def join_client_hints(values: Sequence[str]) -> str:
    """Header values in the order of `CLIENT_HINT_HEADERS` as one text."""
    return "\n".join(values).rstrip("\n")


def split_client_hints(text: str) -> dict[str, str]:
    """Header name -> value, for those that were sent."""
    values = text.split("\n")
    return {name: value for name, value in zip(CLIENT_HINT_HEADERS, values, strict=False) if value}
