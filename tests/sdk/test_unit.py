"""The SDK's own tests, of units, properties and types: `make test` runs them, too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fixtures.node import SDK, run, sdk_modules


@pytest.mark.timeout(400)
def test_the_sdks_own_tests_pass(tmp_path: Path) -> None:
    sdk_modules()
    report = tmp_path / "report.json"
    reporters = ("--reporter=default", "--reporter=json", f"--outputFile.json={report}")  # what it says, and facts
    run("node_modules/vitest/vitest.mjs", "run", *reporters, cwd=SDK)
    told = json.loads(report.read_text())
    assert told["success"]
    assert told["numPassedTests"] == told["numTotalTests"], "some were skipped"
    ran = {Path(file["name"]).relative_to(SDK) for file in told["testResults"]}
    there = {path.relative_to(SDK) for path in (SDK / "tests").rglob("*.test*.ts*")}
    assert ran == there
