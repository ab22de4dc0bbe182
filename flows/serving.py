"""Which partitions a flow serves, and noticing that they are no longer the same."""

from __future__ import annotations

from collections.abc import Mapping

from flows.items import PartitionKey
from footfall.generations import Layout

Layouts = Mapping[str, Layout]  # by stage


def served_keys(layouts: Layouts) -> list[PartitionKey]:
    """Every partition that is to be read, of all stages: those of drained generations are left out."""
    return [PartitionKey(stage, number) for stage, layout in layouts.items() for number in layout.partitions]
