"""Bots by their user agent."""


def bot_reason(user_agent: str, client_hints: str) -> str:
    return "" if user_agent else "empty_agent"
