"""What the previous release wrote or named is known: records, names, settings, DDL."""

from __future__ import annotations

import base64
import json
from enum import Enum
from pathlib import Path

import msgspec
import pytest

from footfall import names
from footfall.enrich.pipeline import PIPELINE
from footfall.record import Record, decode
from footfall.settings import Settings
from sinks.migrate import load

PREVIOUS = json.loads((Path(__file__).parent / "0.1.0" / "formats.json").read_text())


@pytest.mark.parametrize("one", PREVIOUS["records"], ids=range(len(PREVIOUS["records"])))
def test_a_record_means_what_it_meant(one: dict[str, object]) -> None:
    found = decode(base64.b64decode(str(one["encoded"])))
    assert (
        msgspec.to_builtins(found) == one["value"]
    )  # fields that came later have their defaults, and are left out


def test_every_field_of_a_record_is_among_them() -> None:
    """Or a field could be renamed and nobody would see."""
    told = {name for one in PREVIOUS["records"] for name in one["value"]}
    later = {"generation", "replay", "lost"}  # came after 0.1.0
    assert told | later == set(Record.__struct_fields__)


@pytest.mark.parametrize("kind", sorted(PREVIOUS["names"]))
def test_names_stay(kind: str) -> None:
    """They are in the ledger, in quarantine, in metrics, and numbers in rows."""
    members: type[Enum] = getattr(names, kind)
    now = {member.name: member.value for member in members}
    assert {name: now.get(name) for name in PREVIOUS["names"][kind]} == PREVIOUS["names"][kind]


def test_steps_and_settings_stay() -> None:
    assert set(PREVIOUS["steps"]) <= {step.name for step in PIPELINE}
    assert set(PREVIOUS["settings"]) <= set(Settings.model_fields)


def test_applied_migrations_are_never_edited() -> None:
    now = {f"{one.number:04d}_{one.name}": one.checksum for one in load()}
    assert {name: now.get(name) for name in PREVIOUS["ddl"]} == PREVIOUS["ddl"]
