"""What is installed: pinned with hashes, made from pyproject.toml, of licences that are allowed."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata

from packaging.requirements import Requirement

from scripts import audit

PROJECT = tomllib.loads((audit.ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_everything_in_the_lock_is_pinned_and_has_hashes() -> None:
    entries = re.sub(r"\\\n", " ", audit.LOCK.read_text()).splitlines()
    lines = [line for line in entries if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) == len(audit.pins()) > 50
    for line in lines:
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==\S+ ", line), line[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line[:80]


def test_the_lock_holds_what_pyproject_asks_for() -> None:
    asked = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]
    for one in asked:
        assert (normal(one.name), str(one.specifier).removeprefix("==")) in audit.pins(), one


def test_what_runs_here_is_what_is_locked() -> None:
    for name in sorted({name for name, _ in audit.pins()}):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # of another platform or Python
        assert (name, found) in audit.pins(), f"{name}: run `make setup`"


def test_every_licence_is_known_and_allowed() -> None:
    assert audit.licence_faults([name for name, _ in audit.pins()]) == []
    rules = audit.rules()
    assert "" not in rules["allowed"]
    assert set(rules["looked_up"]) <= {name for name, _ in audit.pins()}


def test_a_source_that_says_nothing_of_a_known_flaw_is_no_source(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(audit, "_ask", lambda _requirements: [{"name": "requests", "vulns": []}])
    known, unasked = audit.vulnerabilities([("requests", "2.34.2")])
    assert known == []
    assert unasked
