"""ClickHouse type names as a tree: `Map(String, Array(UInt8))` -> TypeName("Map", (…, …))."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

_MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type and the raw text of its arguments."""

    name: str
    args: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def parse_type(text: str) -> TypeName:
    """Split a type name into its head and its top-level arguments. Raises ValueError if it is malformed."""
    text = text.strip()
    head, bracket, rest = text.partition("(")
    if not bracket:
        return TypeName(text)
    if not rest.endswith(")"):
        raise ValueError(f"unbalanced type name: {text[:80]}")
    return TypeName(head.strip(), tuple(split_arguments(rest[:-1])))


def split_arguments(text: str) -> list[str]:
    """Split at the commas outside brackets and quotes."""
    parts: list[str] = []
    start = depth = 0
    quote = ""
    skip = False
    for at, char in enumerate(text):
        if skip:
            skip = False
        elif char == "\\":
            skip = bool(quote)
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'`\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
        if depth < 0 or depth > _MAX_DEPTH:
            raise ValueError(f"unbalanced type name: {text[:80]}")
    tail = text[start:].strip()
    return [*parts, tail] if tail or parts else []


def element_type(argument: str) -> str:
    """The type of a tuple element, `name Type` or `Type`."""
    if argument.startswith("`"):
        return argument[argument.index("`", 1) + 1 :].strip()
    head, space, rest = argument.partition(" ")
    return rest.strip() if space and "(" not in head else argument
