"""What the gateway answers. A refusal is an exception that carries its whole answer."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import msgspec

Headers = list[tuple[str, str]]

GPC_HEADER = "x-footfall-dropped"  # why a strict site's browser was not counted: gpc or dnt
JSON: Headers = [("content-type", "application/json"), ("cache-control", "no-store")]
_encode = msgspec.json.Encoder().encode


class Answer(NamedTuple):
    """Status, headers, body."""

    status: int
    headers: Headers
    body: bytes


class RefusedError(Exception):
    """The request cannot be taken. `error` is a permanent code, `message` says what to do."""

    def __init__(
        self, status: int, error: str, message: str, retry_after_s: float = 0.0, *, allow: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.message = message
        self.retry_after_s = retry_after_s
        self.allow = allow

    def answer(self) -> Answer:
        """As JSON, with Retry-After where waiting helps, and Allow where another method would."""
        headers = list(JSON)
        if self.retry_after_s:
            headers.append(("retry-after", str(max(1, math.ceil(self.retry_after_s)))))
        if self.allow:
            headers.append(("allow", self.allow))
        return Answer(self.status, headers, _encode({"error": self.error, "message": self.message}))


@lru_cache(1024)
def _all_accepted(count: int) -> Answer:
    return Answer(202, JSON, b'{"accepted":%d,"rejected":[]}' % count)


def accepted(count: int, rejected: list[tuple[int, str]]) -> Answer:
    """202: `count` events are durable, `rejected` (index, reason) never will be."""
    if not rejected:
        return _all_accepted(count)
    listed = [{"index": index, "reason": reason} for index, reason in rejected]
    return Answer(202, JSON, _encode({"accepted": count, "rejected": listed}))


def unreadable(detail: str) -> RefusedError:
    """400."""
    return RefusedError(400, "unreadable", detail)


def too_large(limit: str) -> RefusedError:
    """413; names the limit."""
    return RefusedError(413, "too_large", limit)


def unavailable(message: str, retry_after_s: float = 1.0) -> RefusedError:
    """503: the same request may well pass later."""
    return RefusedError(503, "unavailable", f"{message}; send the same request again later", retry_after_s)
