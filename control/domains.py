"""Domain names as the control plane holds them: lower case, punycode, nothing else."""

from __future__ import annotations

import re

from control.errors import ControlError

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")


def normalise_domain(text: str) -> str:
    """`https://Bücher.example:443/` -> `xn--bcher-kva.example`; `ControlError` if it is none."""
    host = text.strip().lower()
    host = host.split("://", 1)[-1].split("/", 1)[0].split("?", 1)[0]
    host = host.rsplit("@", 1)[-1].split(":", 1)[0].rstrip(".")
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError as error:
        raise ControlError(f"{text!r} is not a domain name: {error}") from error
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ControlError(f"{text!r} is not a domain name: give one like shop.example.com")
    return host
