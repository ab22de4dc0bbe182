"""The user agent with its client hints: a Device, and whether it is a bot."""

from __future__ import annotations

from msgspec import Struct
from user_agents import parse

from footfall.enrich.batch import Device
from footfall.enrich.bots import bot_reason


class Agent(Struct, frozen=True):
    """What a user agent and its hints tell."""

    device: Device
    bot: str  # why it is a bot; empty: a person


def parse_agent(user_agent: str, client_hints: str) -> Agent:
    ua = parse(user_agent)
    return Agent(Device(browser=ua.browser.family, os=ua.os.family), bot_reason(user_agent, client_hints))
