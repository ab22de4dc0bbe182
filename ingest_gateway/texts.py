"""Addresses inside what people sent: none of them goes to the log in full.

The flow masks personal data in every text before it is stored. Full IP addresses must
not even reach the log, so they are truncated here, where a cheap look says there is one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from footfall.access_log import hide_addresses
from footfall.event import Event
from footfall.record import Record, encode

# What an address cannot do without. Each begins with a fixed byte, so that looking through
# a record costs a few microseconds; a false alarm only costs the longer way.
_IPV4 = re.compile(rb"\.\d{1,3}\.\d{1,3}\.\d")
_IPV4_ESCAPED = re.compile(rb"%2[eE]\d{1,3}%2[eE]\d{1,3}%2[eE]\d")
_IPV6 = re.compile(rb":[0-9A-Fa-f]{0,4}:")
_IPV6_ESCAPED = re.compile(rb"%3[aA][0-9A-Fa-f]{0,4}%3[aA]")
# Where the events begin in an encoded record: the byte before the name occurs in no text.
_EVENTS = b"\xa6events"

hide_in_header = lru_cache(4_096)(hide_addresses)
"""For what is the same in all requests of a client, such as the user agent."""


def encode_without_addresses(record: Record) -> bytes:
    """The record for the log, with addresses in its events' texts truncated."""
    value = encode(record)
    if may_hold_address(value):
        record.events = [_hidden(_plain(event)) for event in record.events]
        value = encode(record)
    return value


def may_hold_address(value: bytes) -> bool:
    """Whether the events of an encoded record may hold an address."""
    start = value.find(_EVENTS)
    if start < 0:
        return False
    if _IPV4.search(value, start) or _IPV6.search(value, start):
        return True
    if b"%" not in value:
        return False
    return bool(_IPV6_ESCAPED.search(value, start) or _IPV4_ESCAPED.search(value, start))


def _plain(event: Event | Any) -> Any:
    """As dicts, which encode like the event itself."""
    return msgspec.to_builtins(event, builtin_types=(UUID, bytes))


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return hide_addresses(value)
    if isinstance(value, dict):
        return {key: _hidden(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_hidden(inner) for inner in value]
    return value
