"""Errors with ClickHouse's own codes, so that any ClickHouse client understands them."""

from __future__ import annotations

import re

UNKNOWN_PACKET = 99
UNEXPECTED_PACKET = 101
UNKNOWN_SETTING = 115
TIMEOUT_EXCEEDED = 159
READONLY = 164
TOO_MANY_QUERIES = 202
MEMORY_LIMIT = 241
INVALID_SESSION = 372
CANCELLED = 394
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
NOT_IMPLEMENTED = 48
INCORRECT_DATA = 117
SYNTAX_ERROR = 62
QUERY_ID_IN_USE = 216
UNKNOWN_EXCEPTION = 1002

# `DB::ErrnoException` is what a full disk raises.
_CODED = re.compile(r"Code: (\d+)\. DB::(?:\w+::)*\w*Exception: (.*)", re.DOTALL)


class StoreError(Exception):
    """An answer of the store to its client: `code` is ClickHouse's error number."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    def text(self) -> str:
        """The one-line form every ClickHouse client prints: `Code: N. DB::Exception: ...`."""
        return f"Code: {self.code}. DB::Exception: {self.message}"


class FatalError(StoreError):
    """A StoreError after which the peer's bytes are out of step: it is told, then the connection is closed."""


class ProtocolError(Exception):
    """The peer's bytes make no sense or exceed a bound; the connection cannot go on."""


class Disconnected(Exception):
    """The peer went away, or kept silent longer than allowed."""


def from_engine(error: Exception) -> StoreError:
    """Turn chDB's exception text into a StoreError with the engine's own code."""
    text = str(error)
    match = _CODED.search(text)
    if match is None:
        return StoreError(UNKNOWN_EXCEPTION, text)
    inner = _CODED.match(match.group(2))  # chDB sometimes says the same twice
    return StoreError(int(match.group(1)), (inner or match).group(2).strip())
