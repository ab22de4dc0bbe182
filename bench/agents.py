"""How often agents are read as the public test cases say: `python -m bench.agents [DATA]`.

DATA is a folder with uap-core's test_ua.yaml, test_os.yaml, test_device.yaml.gz in
uap-core/ and crawler-user-agents.json; by default the one next to the repository.
Families are compared under Footfall's names (`Mobile Safari` counts as `Safari`).
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from footfall.enrich.agent import ParsedAgent, browser_name, device_type, os_name, parse_agent
from footfall.enrich.bots import bot_reason
from footfall.enrich.hints import NO_HINTS

DATA = Path(__file__).parents[2] / "shared/data/useragent"
BROWSER = re.compile(r"Mozilla/|Opera/")
Case = dict[str, str]


class Share(NamedTuple):
    """So many of so many."""

    hits: int
    of: int
    misses: list[str]

    @property
    def rate(self) -> float:
        return self.hits / self.of if self.of else 0.0


def cases(path: Path) -> Iterator[Case]:
    """The entries of one of uap-core's test files: flat lists of quoted scalars."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    case: Case = {}
    for line in text.splitlines():
        match = re.fullmatch(r"\s*(- )?([a-z_]+): ?(.*?)\s*", line)
        if match is None or match[2] == "test_cases":
            continue
        if match[1] and case:
            yield case
            case = {}
        case[match[2]] = _scalar(match[3])
    if case:
        yield case


def _scalar(raw: str) -> str:
    if raw[:1] == "'" and raw[-1:] == "'":
        return raw[1:-1].replace("''", "'")
    return raw.strip('"')


def share(of: list[Case], right: Callable[[Case], bool]) -> Share:
    misses = [case["user_agent_string"] for case in of if not right(case)]
    return Share(len(of) - len(misses), len(of), misses)


def browsers(data: Path) -> Share:
    found = list(cases(data / "uap-core/test_ua.yaml"))
    return share(
        found,
        lambda c: parse_agent(c["user_agent_string"], "").device.browser == browser_name(c["family"]),
    )


def systems(data: Path) -> Share:
    found = list(cases(data / "uap-core/test_os.yaml"))
    return share(found, lambda c: parse_agent(c["user_agent_string"], "").device.os == os_name(c["family"]))


# Device families of which anybody knows what they are.
TYPES = (
    (
        "tablet",
        re.compile(r"iPad|Kindle.*|Generic Tablet|Samsung (GT-P\d+|SM-[TPX]\d+).*|Nexus (7|9|10)|.*MI PAD.*"),
    ),
    ("mobile", re.compile(r"iPhone.*|iPod.*|Generic (Smart|Feature )[Pp]hone|Samsung (GT-[IS]|SM-[AGJN])\d+.*")),
    ("mobile", re.compile(r"(HTC (Desire|One|Wildfire|Sensation)|Nokia N|BlackBerry 9|Lumia).*")),
    ("tv", re.compile(r"HbbTV|NetCast.*|Inettv|AppleTV|Chromecast|.*(Smart ?TV|BRAVIA).*")),
    ("desktop", re.compile(r"Mac")),
)


def expected_type(family: str) -> str:
    return next((kind for kind, pattern in TYPES if pattern.fullmatch(family)), "")


def device_types(data: Path, every: int = 1) -> Share:
    """Of browsers alone: apps have agents of their own making, and use no browser SDK."""
    found = [
        case
        for case in cases(data / "uap-core/test_device.yaml.gz")
        if expected_type(case["family"]) and BROWSER.match(case["user_agent_string"])
    ][::every]
    return share(
        found,
        lambda c: (
            device_type(ParsedAgent(c["user_agent_string"]), c["user_agent_string"], NO_HINTS)
            == expected_type(c["family"])
        ),
    )


def bot_recall(data: Path) -> Share:
    entries = json.loads((data / "crawler-user-agents.json").read_text("utf-8"))
    found = [{"user_agent_string": agent} for entry in entries for agent in entry.get("instances", [])]
    return share(found, lambda c: bool(bot_reason(c["user_agent_string"])))


# Families in uap-core's browser cases that are no browser of a person.
NOT_PEOPLE = re.compile(
    r".*(bot|crawl|spider|headless|phantomjs|synthetic|scanner|monit|http).*|catchpoint|httrack", re.IGNORECASE
)


def bot_false_positives(data: Path) -> Share:
    """Hits are browsers taken for bots."""
    found = [
        case
        for case in cases(data / "uap-core/test_ua.yaml")
        if BROWSER.match(case["user_agent_string"])
        and not NOT_PEOPLE.match(case["family"])
        and not ParsedAgent(case["user_agent_string"]).is_bot
    ]
    wrong = share(found, lambda c: not bot_reason(c["user_agent_string"]))
    return Share(len(wrong.misses), wrong.of, wrong.misses)


REPORTS: tuple[tuple[str, Callable[[Path], Share]], ...] = (
    ("browser family (uap-core test_ua)", browsers),
    ("OS family (uap-core test_os)", systems),
    ("device type (uap-core test_device, browsers of known type)", device_types),
    ("bot recall (crawler-user-agents instances)", bot_recall),
    ("bot false positives (uap-core browsers)", bot_false_positives),
)


def main(arguments: list[str]) -> None:
    """Print each rate; with `-v` the misses too."""
    paths = [Path(argument) for argument in arguments if argument != "-v"]
    for title, report in REPORTS:
        result = report(paths[0] if paths else DATA)
        print(f"{title}: {result.hits}/{result.of} = {result.rate:.2%}")
        if "-v" in arguments:
            print("\n".join(f"    {miss}" for miss in result.misses))


if __name__ == "__main__":
    main(sys.argv[1:])
