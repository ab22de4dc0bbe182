"""Every option is told where people look for it; the gateway's limits are written once."""

from __future__ import annotations

import re

import pytest

from tests.fixtures.node import SDK

OPTIONS = (SDK / "src" / "core" / "options.ts").read_text().partition("export interface Options")[2]
NAMES = re.findall(r"^  (\w+)\??:", OPTIONS, re.MULTILINE)
TAG = (SDK.parent / "docs" / "tag.md").read_text()
README = (SDK / "README.md").read_text()


def test_there_are_options() -> None:
    assert {"site", "consent", "strict"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_option_is_told_of_tag_and_package(name: str) -> None:
    assert f"`data-{name}`" in TAG
    assert f"`{name}`" in README


def test_limits_are_the_generated_ones() -> None:
    generated = SDK / "src" / "generated" / "event.ts"
    limits = set(re.findall(r"export const (MAX_\w+)", generated.read_text()))
    sources = [file.read_text() for file in (SDK / "src").rglob("*.ts") if file != generated]
    assert limits
    assert {name for name in limits if not any(name in source for source in sources)} == set()
