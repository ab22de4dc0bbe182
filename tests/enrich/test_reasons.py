"""Every reason is documented, and nothing else is."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest

from footfall.enrich import bots
from footfall.names import DropReason, LostReason, Outcome, QuarantineReason, RejectReason

PAGE = (Path(__file__).parents[2] / "docs/reasons.md").read_text("utf-8")


def _table(after: str) -> set[str]:
    """First column of the first table after a line."""
    section = PAGE.split(after, 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))


@pytest.mark.parametrize(
    ("after", "names"),
    [
        ("# Reasons\n", Outcome),
        ("## Rejected by the gateway\n", RejectReason),
        ("## Dropped by the flow\n", DropReason),
        ("## Quarantined\n", QuarantineReason),
        ("## Lost by the sender\n", LostReason),
    ],
)
def test_every_reason_is_documented(after: str, names: type[StrEnum]) -> None:
    assert _table(after) == {name.value for name in names}


def test_every_bot_reason_is_documented() -> None:
    assert _table("## Why something is a bot\n") == bots.REASONS
