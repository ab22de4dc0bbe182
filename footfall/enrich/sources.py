"""Known traffic sources and their category, from data/sources.csv.

A host belongs to the entry that matches most of its labels: `maps.google.co.uk` to
`google.*`, `news.google.com` to an entry of its own. `name.*` stands for the name
before any country's or generic ending, never for a substring.
"""

from __future__ import annotations

import csv
from functools import cache

from footfall.enrich.hosts import without_port
from footfall.enrich.wordlists import word_list

SEARCH, SOCIAL, VIDEO, SHOPPING, LISTING, AI, EMAIL = (
    "search", "social", "video", "shopping", "listing", "ai", "email",
)  # fmt: skip
CATEGORIES = frozenset({SEARCH, SOCIAL, VIDEO, SHOPPING, LISTING, AI, EMAIL})

_SECOND_LEVEL = frozenset({"co", "com", "net", "org", "ne", "or", "gov", "edu", "ac", "gob", "in"})


SPAM_DOMAINS = frozenset(word_list("referrer_spam.txt"))


@cache
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """(whole domains, names before any ending, bare names) -> category."""
    domains: dict[str, str] = {}
    stems: dict[str, str] = {}
    names: dict[str, str] = {}
    for domain, category, aliases in csv.reader(word_list("sources.csv")):
        table, key = (stems, domain[:-2]) if domain.endswith(".*") else (domains, domain)
        table[key] = category
        for alias in aliases.split("|"):
            names[_own_name(domain) if alias == "=" else alias] = category
    names.pop("", None)
    return domains, stems, names


def _own_name(domain: str) -> str:
    """`hatena` of `hatena.ne.jp`, `google` of `google.*`."""
    labels = domain.split(".")
    return labels[-3] if len(labels) >= 3 and labels[-2] in _SECOND_LEVEL else labels[-2]


def category_of_host(host: str) -> str:
    """The category of a referrer's host; empty where it is not known."""
    domains, stems, _ = _tables()
    labels = without_port(host).split(".")
    for first in range(len(labels)):
        rest = labels[first:]
        found = domains.get(".".join(rest)) or stems.get(_stem(rest))
        if found:
            return found
    return ""


def category_of_source(source: str) -> str:
    """The category of a campaign's source: a host, or a bare name such as `facebook`."""
    name = source.strip().lower()
    return _tables()[2].get(name) or (category_of_host(name) if "." in name else "")


def _stem(labels: list[str]) -> str:
    """`search.yahoo` of `search.yahoo.co.jp`; empty where the ending is no plain one."""
    if len(labels) >= 3 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2:
        return ".".join(labels[:-2])
    return ".".join(labels[:-1]) if len(labels) >= 2 and 2 <= len(labels[-1]) <= 3 else ""
