"""Shared fixtures; each area's own live in tests/fixtures/<area>.py and are listed here."""

from __future__ import annotations

from collections.abc import Generator

import hypothesis
import pytest

# Property tests look at a bounded number of examples here, at many more in `make drill`; a test that
# wants another number says so with `tests.properties.examples`, and drills have as many times that.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("drill", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("default")

pytest_plugins: list[str] = [
    "tests.fixtures.disk",
    "tests.fixtures.eventlog",
    "tests.fixtures.kafka",
    "tests.fixtures.postgres",
    "tests.fixtures.s3",
    "tests.fixtures.store",
    "tests.fixtures.valkey",
]

# The real data sets are no part of the project; without them their tests may be skipped.
ALLOWED_SKIP = "data sets are not"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--no-skips`: where everything a test needs is installed, a skip is a failure."""
    parser.addoption("--no-skips", action="store_true", help="fail instead of skipping for a missing tool")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn skips into failures where `--no-skips` asks for it."""
    report = yield
    reason = str(report.longrepr)
    if report.skipped and item.config.getoption("--no-skips") and ALLOWED_SKIP not in reason:
        report.outcome = "failed"
        report.longrepr = f"skipped, but nothing may be missing here: {reason}"
    return report
