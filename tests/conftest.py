"""Shared fixtures; each area's own live in tests/fixtures/<area>.py and are listed here."""

pytest_plugins: list[str] = [
    "tests.fixtures.eventlog",
    "tests.fixtures.store",
    "tests.fixtures.valkey",
]
