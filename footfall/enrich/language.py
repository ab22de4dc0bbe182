"""The visitor's language: the first of Accept-Language."""

from __future__ import annotations

import re

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}")


def first_language(header: str) -> str:
    """`de-DE,de;q=0.9` -> `de-DE`; empty where there is no language tag."""
    tag = header.partition(",")[0].partition(";")[0].strip().replace("_", "-")
    if not _TAG.fullmatch(tag):
        return ""
    language, *rest = tag.split("-")
    return "-".join([language.lower(), *map(_subtag, rest)])


def _subtag(tag: str) -> str:
    """As BCP 47 writes it: region `DE`, script `Latn`, others lower-case."""
    if len(tag) == 2:
        return tag.upper()
    return tag.title() if len(tag) == 4 and tag.isalpha() else tag.lower()
