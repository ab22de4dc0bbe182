"""Shared fixtures; each area's own live in tests/fixtures/<area>.py and are listed here."""

from __future__ import annotations

import os
from collections.abc import Generator
from itertools import groupby

import hypothesis
import pytest

# Tests start hundreds of processes: as the command line does (cli/__init__.py), and with modules compiled once.
os.environ.setdefault("CLICKHOUSE_DRIVER_LASY_DATE_LUT", "when used")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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

# Files that take long (15 s and more) and start much. They are spread over the run, so that each has short ones
# beside it and none is left for the end.
LONG = (
    "drill/test_kill_servers.py", "browser/test_delivery.py", "proof/test_outages.py", "cli/test_running.py",
    "browser/test_pages.py", "drill/test_teeth.py", "eventlog/test_kafka_outage.py", "stages/test_stages.py",
    "drill/test_kill.py", "cli/test_kafka.py", "cli/test_postgres.py", "browser/test_nothing_lost.py",
    "cli/test_jobs_health.py", "proof/test_downtime.py", "cli/test_part.py", "jobs/test_repair.py",
    "sinks/test_kill.py", "seeing/test_seeing.py", "browser/test_captured.py", "sdk/electron/test_app.py",
    "sdk/playwright/test_playwright.py",
)  # fmt: skip

# The real data sets are no part of the project; without them their tests may be skipped.
ALLOWED_SKIP = "data sets are not"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, and then one after every so many others."""
    files = [list(group) for _, group in groupby(items, key=lambda item: item.path)]
    long = [file for name in LONG for file in files if str(file[0].path).endswith(f"tests/{name}")]
    others = [file for file in files if file not in long]
    between = len(others) * 4 // 5 // max(1, len(long))
    ordered = []
    for file in long:
        ordered += [file, *others[:between]]
        others = others[between:]
    items[:] = [item for file in ordered + others for item in file]


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
