"""The packed npm package in a fresh project: types, judges of packages, servers, Vite, and a real browser."""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tests.browser.chromium import AGENT, chromium
from tests.browser.world import wait_for
from tests.fixtures.node import SDK, run
from tests.micro.running import MicroProcess
from tests.sdk import samples
from tests.sdk.apps import built

TSC = "node_modules/typescript/bin/tsc"


@pytest.mark.parametrize(
    ("name", "text", "module", "resolution"),
    [
        ("app.ts", samples.USES, "esnext", "bundler"),
        ("app.ts", samples.USES, "nodenext", "nodenext"),
        ("app.cts", samples.USES, "nodenext", "nodenext"),
        ("entries.tsx", samples.ENTRIES, "esnext", "bundler"),
        ("entries.tsx", samples.ENTRIES, "nodenext", "nodenext"),
    ],
)
def test_types_hold_in_a_strict_project(project: Path, name: str, text: str, module: str, resolution: str) -> None:
    folder = project / f"types-{name}-{resolution}"
    folder.mkdir()
    (folder / name).write_text(_as_commonjs(text) if name.endswith(".cts") else text)
    options = {"module": module, "moduleResolution": resolution}
    (folder / "tsconfig.json").write_text(
        json.dumps({"extends": "../tsconfig.json", "compilerOptions": options, "include": [name]})
    )
    assert run(TSC, "-p", folder.name, cwd=project) == ""


def _as_commonjs(text: str) -> str:
    """The same program with `require`."""
    names = re.search(r"import \{(.*?)\} from", text, re.S)
    assert names
    each = [name.strip() for name in names.group(1).split(",") if name.strip()]
    types = [name.removeprefix("type ") for name in each if name.startswith("type ")]
    values = ", ".join(name for name in each if not name.startswith("type "))
    head = "import sdk = require('@footfall/sdk');\n" + "".join(f"type {name} = sdk.{name};\n" for name in types)
    return (
        f"{head}const {{ {values} }} = sdk;\n"
        + text[text.index("\n\n") :].replace("export const result", "const result")
        + "export = result;\n"
    )


def test_judges_of_packages_find_nothing(project: Path, tarball: Path) -> None:
    (project / "judges.mjs").write_text(samples.JUDGES)
    found = json.loads(run("judges.mjs", str(tarball), cwd=project))
    assert found["messages"] == []
    # TypeScript's resolution of before package exports finds only the first entry.
    assert [problem for problem in found["problems"] if problem.get("resolutionKind") != "node10"] == []
    assert "." in found["entries"]


def test_the_tarball_holds_what_it_should(tarball: Path) -> None:
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
    assert {"package.json", "README.md", "LICENSE", "dist/index.js", "dist/index.cjs", "dist/index.d.ts"} <= names
    assert (SDK / "dist" / "react.js").read_text().startswith('"use client";')
    assert (SDK / "dist" / "react.cjs").read_text().startswith('"use client";')
    assert {name.partition("/")[0] for name in names} == {"package.json", "README.md", "LICENSE", "dist"}


@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("server.mjs", "import * as sdk from '@footfall/sdk';"),
        ("server.cjs", "const sdk = require('@footfall/sdk');"),
    ],
)
def test_nothing_happens_on_a_server(project: Path, name: str, load: str) -> None:
    (project / name).write_text(f"{load}\n{samples.ON_A_SERVER}")
    told = json.loads(run(name, cwd=project, timeout=20))
    assert told["asked"] == 0
    assert told["kept"] == "undefined"
    assert {"FootfallTracker", "init", "track", "page", "identify", "consent", "reset", "flush", "optOut"} <= set(
        told["names"]
    )


def test_vite_builds_an_app_that_counts(project: Path, micro: MicroProcess) -> None:
    with built(project, "app", "app.ts", samples.APP.replace("MICRO", micro.url)) as pages, chromium() as browser:
        assets = {path.rpartition("/")[2]: text for path, text in pages.html.items()}
        first = next(text for name, text in assets.items() if name.startswith("index-"))
        assert any(name.startswith("vitals") for name in assets)  # add-ons are files of their own
        assert "largest-contentful-paint" not in first
        page = browser.new_context(user_agent=AGENT).new_page()
        page.goto(f"http://localhost:{pages.port}/")
        page.click("button")
        wait_for(lambda: micro.good(name="path_change"), micro.totals)
        page.close()
        wait_for(lambda: micro.good(name="own") and micro.good(name="web_vital"), micro.totals)
    count = Counter(event["name"] for event in micro.good())
    assert [count[name] for name in ("before", "page_view", "path_change", "of the class", "own", "click")] == [
        1
    ] * 6
    assert micro.bad() == []
