"""Bots by what they say of themselves: the user agent and its client hints.

The list in data/bot_tokens.csv comes first, since it knows what kind of bot it is;
then come the words and habits all crawlers share. A bot is marked, never dropped.
"""

from __future__ import annotations

import csv
import re
from functools import cache

from footfall.enrich.wordlists import word_list

EMPTY, CRAWLER, HEADLESS, NO_BROWSER = "empty", "crawler", "headless", "no_browser"
"""Reasons; the token list adds ai, library, monitor, preview, scanner."""

# `cubot` is a maker of phones; an address or a mailbox in an agent is there for
# webmasters to complain to.
_HABITS = re.compile(
    r"(?<!cu)bot(?![a-z])|(?<![a-z])bot|robot|crawl|spider|scrape|scraping|archiver|indexer|harvest|"
    r"fetch|parser|checker|resolver|retriever|analyzer|auditor|classifier|grabber|sitemap|"
    r"\+?https?://|www\.|[\w.-]+(?:@|\[at\]|\(at\))[\w-]+\.[a-z]|compatible; \+|research|"
    r"(?<![a-z])(?:proxy|validator|survey)(?![a-z])"
)
# What browsers call themselves, and the phones of before Mozilla/5.0.
_BROWSERS = re.compile(
    r"mozilla/\d|opera/\d|dalvik/|ucweb|nokia|samsung|sonyericsson|blackberry|lg[-/e]|mot-|motorola|sec-|"
    r"htc|zte|huawei|alcatel|sagem|siemens|sie-|panasonic|philips|sharp|sanyo|docomo|kddi|j-phone|vodafone|"
    r"softbank|portalmmm|palm|benq|haier|lenovo|.*(?:midp|cldc|up\.browser|profile/|netfront|obigo|teleca)"
)


@cache
def _tokens() -> tuple[re.Pattern[str], dict[str, str]]:
    reasons = {token.removeprefix("*"): reason for token, reason in csv.reader(word_list("bot_tokens.csv"))}
    starts = [token for token, _ in csv.reader(word_list("bot_tokens.csv")) if not token.startswith("*")]
    inside = [token[1:] for token, _ in csv.reader(word_list("bot_tokens.csv")) if token.startswith("*")]
    return re.compile(rf"(?<![a-z])(?:{_any(starts)})|(?:{_any(inside)})"), reasons


def _any(tokens: list[str]) -> str:
    """The longest first: `google-extended` before `google-`."""
    return "|".join(re.escape(token) for token in sorted(tokens, key=len, reverse=True))


def bot_reason(user_agent: str, client_hints: str = "") -> str:
    """Why this is a bot, in a word; empty: a person, as far as one can tell."""
    agent = user_agent.strip().lower()
    if agent in ("", "-"):
        return EMPTY
    if "headless" in client_hints.lower():
        return HEADLESS
    pattern, reasons = _tokens()
    match = pattern.search(agent)
    if match is not None:
        return reasons[match[0]]
    if _HABITS.search(agent):
        return CRAWLER
    return "" if _BROWSERS.match(agent) else NO_BROWSER
