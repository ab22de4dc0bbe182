"""Tables, sinks, views and jobs on other releases of ClickHouse: the tests of the installed engine, run on those.

The same way leads to a server: FOOTFALL_TEST_CLICKHOUSE_URL=clickhouse://user:password@host:9000 pytest ...
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fixtures.engines import INSTALLED, OLDEST, RELEASES, EngineMissing, engine_package
from tests.fixtures.store import StoreServer, make_store

REPOSITORY = Path(__file__).parents[2]
# One of each kind.
SMOKE = (
    "tests/sinks/test_migrate.py::test_ttls_follow_the_settings",
    "tests/sinks/test_describe.py::test_its_example_queries_run",
    "tests/sinks/test_writer.py::test_all_tables",
    "tests/sinks/test_writer_restart.py::test_a_restarted_writer_skips_what_is_stored_and_tells_it_as_stored",
    "tests/sinks/test_deduplication.py::test_a_block_is_taken_once_for_a_token",
    "tests/jobs/test_repair.py::test_a_new_goal_is_applied_to_history",
    "tests/jobs/test_rollups.py::test_visitor_days_equal_a_recount",
)
# What starts stores of its own, or is about the embedded one, would not meet the other engine.
WHOLE = (
    "tests/sinks", "tests/jobs", "--ignore=tests/sinks/test_engines.py", "--ignore=tests/sinks/test_kill.py",
    "--ignore=tests/sinks/test_full_disk.py", "--ignore=tests/jobs/test_full_disk.py",
)  # fmt: skip


@contextmanager
def store_on(version: str, folder: Path) -> Iterator[StoreServer]:
    """A store with the engine of that version."""
    try:
        package = engine_package(version)
    except EngineMissing as missing:
        pytest.skip(str(missing))
    server = make_store(folder, ("tests.fixtures.other_engine", str(package)))
    try:
        client = server.client()
        ((told, timezone),) = client.execute("SELECT version(), timezone()")
        client.disconnect()
        assert version == INSTALLED or told.startswith(version), told
        assert timezone != "UTC"
        yield server
    finally:
        server.kill()


def run_against(server: StoreServer, *tests: str, timeout_s: float) -> int:
    """Run tests against the server; how many passed. All must."""
    url = f"clickhouse://{server.user}:{server.password}@{server.host}:{server.port}"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {"FOOTFALL_TEST_CLICKHOUSE_URL": url, "FOOTFALL_TEST_CLICKHOUSE_HTTP_PORT": str(server.http_port)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *tests],
        cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout, done.stdout[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None, done.stdout[-2000:]
    return int(passed[1])


@pytest.mark.timeout(300)
def test_one_of_each_kind_on_the_oldest(tmp_path: Path) -> None:
    with store_on(OLDEST, tmp_path) as server:
        assert run_against(server, *SMOKE, timeout_s=240) == len(SMOKE)


@pytest.mark.drill
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", [*RELEASES, INSTALLED])
def test_everything_on_every_engine(tmp_path: Path, version: str) -> None:
    with store_on(version, tmp_path) as server:
        assert run_against(server, *WHOLE, timeout_s=1500) > 80
