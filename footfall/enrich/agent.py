"""The user agent with its client hints: a Device, and whether it is a bot."""

from __future__ import annotations

import csv
import re

from msgspec import Struct
from ua_parser import parse
from user_agents.parsers import UserAgent, parse_browser, parse_device, parse_operating_system

from footfall.enrich.batch import NO_DEVICE, Device
from footfall.enrich.bots import bot_reason
from footfall.enrich.hints import Hints, read_hints
from footfall.enrich.wordlists import word_list

MAX_AGENT_CHARS = 1024
BROWSER_NAMES: dict[str, str] = dict(csv.reader(word_list("browser_names.csv")))
OS_NAMES = {"Mac OS X": "macOS", "Mac OS": "macOS", "Other": ""}
DESKTOP_OS = frozenset(
    {"Linux", "Ubuntu", "Fedora", "Debian", "FreeBSD", "OpenBSD", "NetBSD", "Solaris", "Chrome OS"}
)
# Generic names the parser gives where it knows no maker.
NO_BRANDS = frozenset(
    {"Generic", "Generic_Android", "Generic_Android_Tablet", "Generic_Inettv", "Spider", "Other"}
)
# Families a Chromium brand in the hints may say more about.
CHROMIUM = frozenset({"Chrome", "Chromium", "Edge", "Opera", "HeadlessChrome", "Android WebView"})

_TV = re.compile(
    r"smart-?tv|hbbtv|apple ?tv|google ?tv|android ?tv|netcast|viera|bravia|web0s|webos\.tv|roku|crkey|inettv|"
    r"\baft[a-z]{1,4}\b|\btv\b|dtv\b|ce-html|opera tv|philipstv|nettv|mitv|shield android"
)
_TABLET = re.compile(
    r"\btablet\b|\bpad\b|ipad|kindle|silk(?!.*mobile)|playbook|nexus (?:7|9|10)\b|"
    r"\bgt-p\d|\bsm-[tpx]\d|\bkf[a-z]{3,5} build"
)


class Agent(Struct, frozen=True):
    """What a user agent and its hints tell."""

    device: Device
    bot: str  # why it is a bot; empty: a person


class ParsedAgent(UserAgent):  # type: ignore[misc]  # user_agents has no types
    """user_agents' rules over ua-parser's present interface: 20 times as fast with its
    compiled resolver (ua-parser-rs) as over the interface user_agents calls."""

    def __init__(self, text: str) -> None:
        found = parse(text).with_defaults()
        agent, os, device = found.user_agent, found.os, found.device
        self.ua_string = text
        self.browser = parse_browser(agent.family, agent.major, agent.minor, agent.patch)
        self.os = parse_operating_system(os.family, os.major, os.minor, os.patch, os.patch_minor)
        self.device = parse_device(device.family, device.brand, device.model)


def parse_agent(user_agent: str, client_hints: str) -> Agent:
    """Device and bot reason of any text. Slow (50 us, 1 ms without ua-parser-rs): remember the answer."""
    text = user_agent[:MAX_AGENT_CHARS]
    return Agent(_device(text, read_hints(client_hints)), bot_reason(text, client_hints))


def _device(text: str, hints: Hints) -> Device:
    if not text.strip(" -"):
        return NO_DEVICE
    if hints.model:  # Chromium freezes the model to `K`: put the real one back for the parser
        text = text.replace("; K)", f"; {hints.model})", 1)
    agent = ParsedAgent(text)
    browser, version = _browser(agent, hints)
    os, os_version = _os(agent, hints)
    brand = agent.device.brand or ""
    return Device(
        type=device_type(agent, text, hints),
        browser=browser,
        browser_version=version,
        os=os,
        os_version=os_version,
        brand="" if brand in NO_BRANDS else brand,
    )


def _browser(agent: UserAgent, hints: Hints) -> tuple[str, str]:
    family = browser_name(agent.browser.family)
    version = str(agent.browser.version[0]) if agent.browser.version else ""
    if hints.browser and family in CHROMIUM:
        return hints.browser, hints.browser_version
    return family, version


def browser_name(family: str) -> str:
    """A parser's family under the name Footfall uses."""
    return BROWSER_NAMES.get(family, family)


def os_name(family: str) -> str:
    """A parser's OS family under the name Footfall uses."""
    return OS_NAMES.get(family, family)


def _os(agent: UserAgent, hints: Hints) -> tuple[str, str]:
    name = os_name(agent.os.family)
    parts = [str(part) for part in agent.os.version]
    version = parts[0] if parts else ""
    if name == "macOS" and version == "10":
        version = ".".join(parts[:2])
    if hints.os and (not name or hints.os == name):
        return hints.os, hints.os_version or version
    return name, version


def device_type(agent: UserAgent, text: str, hints: Hints) -> str:
    """desktop, mobile, tablet, tv or other."""
    lower = text.lower()
    if _TV.search(lower):
        return "tv"
    if _TABLET.search(lower):
        return "tablet"
    if agent.is_mobile or hints.is_mobile or (agent.os.family == "Android" and "Mobile" in text):
        return "mobile"
    if agent.is_tablet:
        return "tablet"
    if agent.is_pc or (agent.os.family in DESKTOP_OS and "Mobile" not in text):
        return "desktop"
    return "other"
