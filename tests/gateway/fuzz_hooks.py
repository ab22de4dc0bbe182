"""What schemathesis is told beyond the document (SCHEMATHESIS_HOOKS); see test_openapi.py."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_context: Any, body: Any) -> Any:
    """An integer without a fraction: to JSON Schema 5.0 is an integer, to the gateway it is not."""
    if isinstance(body, float):
        return int(body) if body.is_integer() else body
    if isinstance(body, dict):
        return {key: map_body(_context, value) for key, value in body.items()}
    if isinstance(body, list):
        return [map_body(_context, value) for value in body]
    return body
