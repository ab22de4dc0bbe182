"""`make audit`: the licences of what is locked, and its known vulnerabilities.

Exit code 0: all is well; 1: something was found; 2: what is known of vulnerabilities could not be asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.txt"
PIN = re.compile(r"^(?P<name>[a-z0-9][a-z0-9.-]*)(\[[^\]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)
# Known to be vulnerable for years: a source that does not say so of it says nothing of the others.
CANARY = "requests==2.19.0"
TIMEOUT_S = 600.0


def pins() -> list[tuple[str, str]]:
    """Name and version of everything in the lock; a name twice where Python versions differ in it."""
    return [(found["name"], found["version"]) for found in PIN.finditer(LOCK.read_text())]


def rules() -> dict[str, Any]:
    """`[tool.footfall.licences]`: allowed expressions, and what a person looked up."""
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["footfall"]["licences"]
    return found


def licence_of(name: str) -> str | None:
    """As the installed package tells it: an expression, else its classifiers; None: not installed here."""
    try:
        told = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    if told["License-Expression"]:
        return str(told["License-Expression"])
    classifiers = [line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or [] if "License ::" in line]
    classifiers = [line for line in classifiers if line != "OSI Approved"]
    return " OR ".join(classifiers) or str(told["License"] or "").strip().partition("\n")[0]


def licence_faults(names: list[str]) -> list[str]:
    """Packages whose licence is not known or not allowed."""
    found = []
    known = rules()
    for name in names:
        licence = known["looked_up"].get(name) or licence_of(name)
        if licence is not None and licence not in known["allowed"]:
            found.append(f"{name}: licence {licence!r} is not in [tool.footfall.licences] of pyproject.toml")
    return found


def _ask(requirements: str) -> list[dict[str, Any]]:
    """What pip-audit says of pinned requirements, one entry each."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--progress-spinner", "off"]
        run = subprocess.run(
            [*command, "--format", "json", "-r", file.name], capture_output=True, text=True, timeout=TIMEOUT_S
        )
    try:
        found: list[dict[str, Any]] = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []
    return found


def vulnerabilities(locked: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """What is known, and what could not be asked."""
    if not any(entry.get("vulns") for entry in _ask(CANARY)):
        return [], ["the package index does not answer with vulnerabilities: ask again where it does"]
    answers = _ask("\n".join(f"{name}=={version}" for name, version in locked))
    known = [
        f"{entry['name']} {entry['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or '(none)'}"
        for entry in answers
        for flaw in entry.get("vulns", [])
    ]
    asked = {entry["name"] for entry in answers if "vulns" in entry}
    return known, [f"{name}: nothing is known of it" for name in sorted({name for name, _ in locked} - asked)]


def main() -> int:
    """Check everything; the exit code."""
    locked = pins()
    faults = licence_faults(sorted({name for name, _ in locked}))
    known, unasked = vulnerabilities(locked)
    print(f"licences: {len(locked)} packages, {len(faults)} not allowed", *faults, sep="\n  ")
    if unasked:
        print("NOT CHECKED for vulnerabilities:", *unasked, sep="\n  ")
    if known or not unasked:
        print(f"vulnerabilities: {len(known)} known", *known, sep="\n  ")
    return 1 if faults or known else 2 if unasked else 0


if __name__ == "__main__":
    sys.exit(main())
