"""The word lists in data/: one entry a line, `#` starts a comment."""

from __future__ import annotations

from importlib.resources import files


def read_lines(text: str) -> list[str]:
    """Entries of a list: no comments, no blank lines."""
    return [entry for line in text.splitlines() if (entry := line.partition("#")[0].strip())]


def word_list(name: str) -> list[str]:
    """Entries of data/{name}."""
    return read_lines((files("footfall.enrich") / "data" / name).read_text("utf-8"))


def read_domains(text: str) -> frozenset[str]:
    """Domains of a list, for `Context(spam=...)`."""
    return frozenset(line.lower().rstrip(".") for line in read_lines(text))
