"""`@footfall/sdk/playwright`: Playwright's own JavaScript library, a real Chromium, a real `footfall micro`."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import playwright
import pytest

from scripts import node
from tests.browser.chromium import Pages, chromium_path
from tests.fixtures.node import ROOT, SDK, run, sdk_modules
from tests.micro.running import MicroProcess

HERE = Path(__file__).parent
LIBRARY = Path(playwright.__file__).parent / "driver" / "package"  # which Python's Playwright drives
SHOP = """
<!doctype html><title>Shop</title>
<script defer src="https://stats.example.com/f.js" data-site="pub_real"></script>
<button onclick="footfall('purchase', {order_id: 'A-1', revenue: 10, items: [{item_id: 'shoe'}]})">Buy</button>
"""
Told = dict[str, Any]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """What each of the cases returned, or threw."""
    sdk_modules()
    program = tmp_path_factory.mktemp("playwright") / "cases.mjs"
    library = LIBRARY / "index.mjs"
    subprocess.run(
        [
            SDK / "node_modules" / "esbuild" / "bin" / "esbuild", HERE / "cases.ts", "--bundle", "--platform=node",
            "--format=esm", f"--outfile={program}", f"--external:{library}", f"--alias:playwright-core={library}",
            "--log-level=error",
        ],
        check=True,
        timeout=60,
    )  # fmt: skip
    micro, pages = MicroProcess(), Pages()
    pages.html |= {"/shop": SHOP, "/other": "<title>Other</title>", "/empty": ""}
    env = {
        **os.environ,
        "MICRO": micro.url,
        "PAGES": f"http://localhost:{pages.port}",
        "CHROMIUM": chromium_path(),
    }
    try:
        done = subprocess.run(
            node.command("node", str(program)), env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)
    finally:
        micro.close()
        pages.close()


def test_an_event_is_found_though_the_page_names_another_gateway_and_site(told: Told) -> None:
    assert told["found"] == [10, "", True, True]


def test_packed_batches_and_those_of_a_page_that_ends_come_too(told: Told) -> None:
    assert told["packed_and_leaving"] == []


def test_nothing_goes_to_the_real_gateway(told: Told) -> None:
    assert told["leaked"] == []


def test_a_failure_tells_what_came_nearest(told: Told) -> None:
    lines = told["another"]["threw"].split("\n")
    assert re.fullmatch(
        r"expected 1 of `purchase` with "
        r'\{"order":\{"order_id":"A-2","revenue":10\},"items":\[\]\} within 0\.1 s, 0 came \(site pub_\w+\)',
        lines[0],
    )
    assert lines[1] == "Nearest:"
    assert re.fullmatch(
        r'  #\d+ purchase /shop: order\.order_id is "A-1", not "A-2"; items has 1 entries, not 0', lines[2]
    )
    assert "purchase (1)" in lines[3]
    assert len(lines) == 4


def test_a_failure_tells_what_was_refused_and_why(told: Told) -> None:
    text = told["refused"]["threw"]
    assert "All that came: page_view (1)" in text
    assert "Refused:\n  name_invalid: " in text
    assert "at `$.name`" in text, text


def test_a_failure_where_nothing_came_says_what_to_look_at(told: Told) -> None:
    text = told["nothing"]["threw"]
    assert "Nothing came of this site. Of other sites: pub_" in text
    assert "was route(page) called before it was opened?" in text


def test_an_event_that_must_not_come(told: Told) -> None:
    assert re.fullmatch(
        r'expected none of `purchase` with \{"order":\{"order_id":"A-1"\}\}, but there is #\d+ purchase /shop '
        r"\(site pub_\w+\)",
        told["none"]["threw"],
    )


def test_a_page_of_the_tests_own(told: Told) -> None:
    assert told["own_tag"] == "Own"


def test_what_is_wrong_with_the_test_itself(told: Told) -> None:
    assert told["not_running"]["threw"] == (
        "footfall micro does not answer at http://127.0.0.1:9: start it with `footfall micro`"
    )
    assert told["wrong"]["threw"] == ("footfall micro refused the question: `timeout` is in seconds, from 0 to 60")
    assert told["reset"] == []


def test_the_cases_hold_against_playwrights_own_types(tmp_path: Path) -> None:
    sdk_modules()
    options = {
        "extends": str(SDK / "tsconfig.json"),
        "compilerOptions": {
            "target": "es2022",
            "paths": {"playwright-core": [str(LIBRARY / "index.d.ts")]},
            "typeRoots": [str(SDK / "node_modules" / "@types")],
        },
        "include": [str(HERE / "cases.ts")],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(options))
    assert run(str(SDK / "node_modules/typescript/bin/tsc"), "-p", str(tmp_path), cwd=ROOT) == ""
