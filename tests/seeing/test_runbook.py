"""Alerts, the runbook and the metrics they speak of belong together."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from cli import main
from footfall.settings import Settings
from scripts.metrics import sample_names

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
NO_ALERT = {"The first minute"}
# A command in code: to the end of the line, or of the inline code.
COMMANDS = [
    *re.findall(r"^    (footfall .+)$", RUNBOOK, re.MULTILINE),
    *re.findall(r"(?<!`)`(footfall [^`]+)`", RUNBOOK),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_speaks_of_metrics_there_are(rule: dict[str, Any]) -> None:
    names = set(re.findall(r"\bfootfall_\w+", rule["expr"]))
    assert names <= sample_names()
    assert names or rule["expr"] == 'up{job="footfall"} == 0'
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
    assert rule["annotations"]["summary"]


def test_each_alert_has_a_section_and_each_section_an_alert() -> None:
    sections = set(re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)) - NO_ALERT
    assert sections == {rule["alert"] for rule in RULES}


def test_prometheus_asks_where_the_parts_are() -> None:
    found = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    (job,) = found["scrape_configs"]
    ports = {one["labels"]["part"]: int(one["targets"][0].rpartition(":")[2]) for one in job["static_configs"]}
    fields = Settings.model_fields
    names = {"gateway": "gateway_port", "flow": "flow_metrics_port", "jobs": "jobs_metrics_port"}
    assert ports == {part: fields[name].default for part, name in names.items()}
    assert job["job_name"] == "footfall"
    assert found["rule_files"] == ["alerts.yml"]


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 20
    assert "footfall quarantine list --limit 10" in COMMANDS


@pytest.mark.parametrize("text", sorted({" ".join(one.split()) for one in COMMANDS}))
def test_a_command_of_the_runbook_exists(text: str) -> None:
    """Every command and option is one: click takes the line, short of running it."""
    words = shlex.split(text)[1:]
    group: click.Command = main
    context = click.Context(main, info_name="footfall")
    while isinstance(group, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = group.get_command(context, name)
        assert found is not None, text
        group, context = found, click.Context(found, parent=context, info_name=name)
    if not isinstance(group, click.Group):
        known = {option for one in group.params for option in (*one.opts, *one.secondary_opts)}
        assert {word for word in words if word.startswith("-")} <= known
