"""What a page's URL tells: the page itself, and the campaign that led there."""

from __future__ import annotations

from urllib.parse import unquote_plus

from msgspec import Struct

from footfall.enrich.batch import NO_PAGE, Page
from footfall.enrich.pii import TELLING_KEYS, redact, redact_named
from footfall.enrich.urls import NOTHING, split_url
from footfall.enrich.wordlists import word_list

MAX_VALUE_CHARS = 256

# Parameter -> field of Campaign. Matomo's names are read like Google's.
CAMPAIGN_FIELDS = {
    f"{prefix}_{name}": field
    for prefix in ("utm", "mtm", "pk")
    for name, field in (
        ("source", "source"),
        ("medium", "medium"),
        ("campaign", "name"),
        ("term", "term"),
        ("keyword", "term"),
        ("kwd", "term"),
        ("content", "content"),
    )
}

# Click ids, most telling first: the first one present is the one that is kept (its name).
CLICK_IDS = (
    "gclid", "gbraid", "wbraid", "dclid", "msclkid", "yclid", "ttclid", "twclid", "li_fat_id", "sccid",
    "rdt_cid", "epik", "qclid", "obclid", "tblci", "vmcid", "ysclid", "srsltid", "gad_source", "irclickid",
    "cjevent", "awc", "fbclid", "igshid", "igsh", "mc_eid", "_hsenc", "mkt_tok", "vero_id", "ef_id",
    "s_kwcid", "wickedid",
)  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(CLICK_IDS)}

# Carry a campaign's or visitor's id, but say nothing of their own: dropped from the query.
TRACKING = frozenset(word_list("tracking_params.txt"))


class Campaign(Struct, frozen=True, gc=False):
    """How somebody tagged the link; values redacted, the click id by name only."""

    source: str = ""
    medium: str = ""
    name: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""


class Location(Struct, frozen=True):
    """A page and, where the link was tagged, its campaign."""

    page: Page
    campaign: Campaign | None = None


NOWHERE = Location(NO_PAGE)


def locate(url: str) -> Location:
    """Page and campaign of a page's URL. Never raises."""
    parts = split_url(url)
    if parts is NOTHING:
        return NOWHERE
    path = redact(parts.path)
    if not parts.query:
        return Location(Page(parts.host, path))
    kept, campaign = read_query(parts.query)
    return Location(Page(parts.host, path, kept), campaign)


def read_query(query: str) -> tuple[str, Campaign | None]:
    """What is left of a query without campaign parameters (redacted), and the campaign."""
    kept: list[str] = []
    found: dict[str, str] = {}
    click_id = ""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        name = key.lower()
        if name in CAMPAIGN_FIELDS:
            found.setdefault(CAMPAIGN_FIELDS[name], _value(value))
        elif name in _RANK:
            if value and (not click_id or _RANK[name] < _RANK[click_id]):
                click_id = name
        elif name in TELLING_KEYS:
            kept.append(f"{key}={redact_named(name, value)}")
        elif pair and name not in TRACKING:
            kept.append(pair)
    campaign = Campaign(**found, click_id=click_id) if click_id or any(found.values()) else None
    return redact("&".join(kept)) if kept else "", campaign


def _value(raw: str) -> str:
    text = unquote_plus(raw).strip() if "%" in raw or "+" in raw else raw.strip()
    return redact(text[:MAX_VALUE_CHARS])
