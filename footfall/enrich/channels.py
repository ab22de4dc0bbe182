"""The channel of an arrival: GA4's default channel groups, plus AI Assistants.

The rules are tried in Google's order; the first that holds decides
(https://support.google.com/analytics/answer/9756891).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from footfall.enrich.sources import AI, EMAIL, LISTING, SEARCH, SHOPPING, SOCIAL, VIDEO

UNASSIGNED = "Unassigned"
DIRECT = "Direct"


class Facts(NamedTuple):
    """What the rules look at, lower-case."""

    source: str
    medium: str
    campaign: str
    category: str  # of the source
    tagged: bool  # by the link itself, not worked out from a referrer


_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*")
_SHOP = re.compile(r".*(([^a-df-z]|^)shop|shopping).*")
_EMAILS = frozenset({"email", "e-mail", "e_mail", "e mail"})
_NO_MEDIUM = frozenset({"", "(not set)", "(none)"})
_DISPLAY = frozenset({"display", "banner", "expandable", "interstitial", "cpm"})
_SOCIAL_MEDIA = frozenset({"social", "social-network", "social-media", "sm", "social network", "social media"})


def _paid(f: Facts) -> bool:
    return _PAID.fullmatch(f.medium) is not None


def _paid_shopping(f: Facts) -> bool:
    if _paid(f):
        return f.category in (SHOPPING, LISTING) or _SHOP.fullmatch(f.campaign) is not None
    # A link a marketplace carries with its own tag and no medium is an advertisement;
    # free product listings (LISTING) are not.
    return f.tagged and f.category == SHOPPING and f.medium in _NO_MEDIUM


RULES: tuple[tuple[str, Callable[[Facts], bool]], ...] = (
    (DIRECT, lambda f: f.source in ("", "(direct)") and f.medium in _NO_MEDIUM and not f.campaign),
    ("Cross-network", lambda f: "cross-network" in f.campaign),
    ("Paid Shopping", _paid_shopping),
    ("Paid Search", lambda f: f.category == SEARCH and _paid(f)),
    ("Paid Social", lambda f: f.category == SOCIAL and _paid(f)),
    ("Paid Video", lambda f: f.category == VIDEO and _paid(f)),
    ("Display", lambda f: f.medium in _DISPLAY),
    ("Paid Other", _paid),
    ("AI Assistants", lambda f: f.category == AI or f.medium in ("ai", "ai-assistant")),
    ("Organic Shopping", lambda f: f.category in (SHOPPING, LISTING) or _SHOP.fullmatch(f.campaign) is not None),
    ("Organic Social", lambda f: f.category == SOCIAL or f.medium in _SOCIAL_MEDIA),
    ("Organic Video", lambda f: f.category == VIDEO or "video" in f.medium),
    ("Organic Search", lambda f: f.category == SEARCH or f.medium == "organic"),
    ("Email", lambda f: f.category == EMAIL or f.source in _EMAILS or f.medium in _EMAILS),
    ("Referral", lambda f: f.medium in ("referral", "app", "link")),
    ("Affiliates", lambda f: f.medium in ("affiliate", "affiliates")),
    ("Audio", lambda f: f.medium == "audio"),
    ("SMS", lambda f: "sms" in (f.source, f.medium)),
    (
        "Mobile Push Notifications",
        lambda f: f.medium.endswith("push") or "mobile" in f.medium or "notification" in f.medium
        or f.source == "firebase",
    ),
)  # fmt: skip

CHANNELS: tuple[str, ...] = (*(name for name, _ in RULES), UNASSIGNED)


def channel_of(source: str, medium: str, campaign: str, category: str, *, tagged: bool) -> str:
    """The channel of an arrival; `category` is that of the source (`sources.category_of_*`)."""
    facts = Facts(source.lower(), medium.lower(), campaign.lower(), category, tagged)
    return next((name for name, holds in RULES if holds(facts)), UNASSIGNED)
