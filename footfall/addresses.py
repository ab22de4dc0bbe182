"""Addresses of this machine."""

from __future__ import annotations

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound


def reachable(host: str) -> str:
    """An address to connect to, for one to listen on: a wildcard means all of them, and is none itself."""
    return _WILDCARDS.get(host, host)
