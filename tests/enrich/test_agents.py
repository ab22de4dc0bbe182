"""Agents and bots: against the public cases, and the hints."""

from __future__ import annotations

import pytest

from bench import agents
from footfall.enrich.agent import parse_agent
from footfall.enrich.batch import NO_DEVICE, Device
from footfall.enrich.bots import bot_reason
from tests.enrich.make import BLINK, CHROME, DATA, needs_data

USERAGENT = DATA / "useragent"
REDUCED = f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/124.0.0.0 Mobile Safari/537.36"


# The measured rates (docs/enrichment.md) are a little above these.
@needs_data
def test_browser_families() -> None:
    result = agents.browsers(USERAGENT)
    assert result.of >= 1600
    assert result.rate >= 0.995


@needs_data
def test_os_families() -> None:
    result = agents.systems(USERAGENT)
    assert result.of >= 480
    assert result.rate >= 0.995


@needs_data
def test_device_types() -> None:
    result = agents.device_types(USERAGENT)
    assert result.of >= 1300
    assert result.rate >= 0.97


@needs_data
def test_bot_recall() -> None:
    result = agents.bot_recall(USERAGENT)
    assert result.of >= 2100
    assert result.rate >= 0.99


@needs_data
def test_bot_false_positives() -> None:
    result = agents.bot_false_positives(USERAGENT)
    assert result.of >= 480
    assert result.rate < 0.005, result.misses


def test_an_agent_without_hints() -> None:
    device = parse_agent(CHROME, "").device
    assert device == Device("desktop", "Chrome", "124", "Windows", "10", "")
    assert parse_agent("", "").device == parse_agent("-", "").device == NO_DEVICE


@pytest.mark.parametrize(
    ("agent", "hints", "expected"),
    [
        (
            CHROME,
            'sec-ch-ua="Chromium";v="124", "Brave";v="124", "Not-A.Brand";v="99"\nsec-ch-ua-platform="Windows"\n'
            'sec-ch-ua-platform-version="15.0.0"\nsec-ch-ua-mobile=?0',
            Device("desktop", "Brave", "124", "Windows", "11", ""),
        ),
        (
            REDUCED,
            'sec-ch-ua="Google Chrome";v="124"\nsec-ch-ua-mobile=?1\nsec-ch-ua-platform="Android"\n'
            'sec-ch-ua-platform-version="14.0.0"\nsec-ch-ua-model="SM-G991B"',
            Device("mobile", "Chrome", "124", "Android", "14", "Samsung"),
        ),
        (
            CHROME,
            'sec-ch-ua="Chromium";v="124"\nsec-ch-ua-full-version-list="Chromium";v="124.0.6367.60", '
            '"Google Chrome";v="124.0.6367.60", "Opera";v="110.0.5130.23"',
            Device("desktop", "Opera", "110", "Windows", "10", ""),
        ),
        (REDUCED, "", Device("mobile", "Chrome", "124", "Android", "10", "")),
        (CHROME, 'nonsense\nsec-ch-ua==="\nsec-ch-ua-platform-version="x"', parse_agent(CHROME, "").device),
    ],
)
def test_hints(agent: str, hints: str, expected: Device) -> None:
    assert parse_agent(agent, hints).device == expected


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("", "empty"),
        ("-", "empty"),
        ("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "ai"),
        ("facebookexternalhit/1.1", "preview"),
        ("Pingdom.com_bot_version_1.4", "monitor"),
        (f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} HeadlessChrome/120.0", "headless"),
        ("python-requests/2.31", "library"),
        ("Mozilla/5.0 zgrab/0.x", "scanner"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "crawler"),
        ("My own thing 1.0", "no_browser"),
        ("Mozilla/5.0 (Linux; Android 7.0; CUBOT NOTE S) AppleWebKit/537.36 Chrome/64.0 Mobile Safari/537.36", ""),
        (CHROME, ""),
    ],
)
def test_bot_reasons(agent: str, reason: str) -> None:
    assert bot_reason(agent) == reason


def test_headless_by_its_hints() -> None:
    assert bot_reason(CHROME, 'sec-ch-ua="HeadlessChrome";v="124"') == "headless"
