"""Bots by what they say of themselves: the user agent and its client hints.

The list in data/bot_tokens.csv comes first, since it knows what kind of bot it is;
then come the words and habits all crawlers share. A bot is marked, never dropped.
"""

from __future__ import annotations

import csv
import re

from footfall.enrich.wordlists import word_list

EMPTY, CRAWLER, HEADLESS, NO_BROWSER = "empty", "crawler", "headless", "no_browser"

# `cubot` is a maker of phones; a mailbox in an agent is for webmasters to complain to.
_BOT = re.compile(r"(?<!cu)bot(?![a-z])|(?<![a-z])bot")
_MAILBOX = re.compile(r"[\w.-]{1,64}(?:@|\[at\]|\(at\))[\w-]{1,64}\.[a-z]")
# What browsers call themselves, and the phones of before Mozilla/5.0.
_BROWSERS = re.compile(
    r"mozilla/\d|opera/\d|dalvik/|ucweb|nokia|samsung|sonyericsson|blackberry|lg[-/e]|mot-|motorola|sec-|"
    r"htc|zte|huawei|alcatel|sagem|siemens|sie-|panasonic|philips|sharp|sanyo|docomo|kddi|j-phone|vodafone|"
    r"softbank|portalmmm|palm|benq|haier|lenovo|.*(?:midp|cldc|up\.browser|profile/|netfront|obigo|teleca)"
)


_TOKENS = [(token.lstrip("*"), token, reason) for token, reason in csv.reader(word_list("bot_tokens.csv"))]
REASONS = frozenset({EMPTY, CRAWLER, HEADLESS, NO_BROWSER, *(reason for _, _, reason in _TOKENS)})


def _says(agent: str, token: str) -> bool:
    """Whether the agent has the token: at the beginning of a word, or (`*`) anywhere."""
    if token.startswith("*"):
        return token[1:] in agent
    place = agent.find(token)
    while place > 0 and agent[place - 1].isalpha():
        place = agent.find(token, place + 1)
    return place >= 0


def bot_reason(user_agent: str, client_hints: str = "") -> str:
    """Why this is a bot, in a word; empty: a person, as far as one can tell."""
    agent = user_agent.strip().lower()
    if agent in ("", "-"):
        return EMPTY
    if "headless" in client_hints.lower():
        return HEADLESS
    for text, token, reason in _TOKENS:
        if text in agent and _says(agent, token):
            return reason
    has_mailbox = "@" in agent or "[at]" in agent or "(at)" in agent
    if ("bot" in agent and _BOT.search(agent)) or (has_mailbox and _MAILBOX.search(agent)):
        return CRAWLER
    return "" if _BROWSERS.match(agent) else NO_BROWSER
