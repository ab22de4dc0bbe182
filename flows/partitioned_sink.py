"""A Bytewax sink with one part for each log partition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from bytewax.outputs import FixedPartitionedSink

from flows.items import PartitionKey

Item = TypeVar("Item")
State = TypeVar("State")


class PartitionedSink(FixedPartitionedSink[Item, State]):
    """Items come keyed by their partition. `build_part` is the sink's own."""

    def __init__(self, keys: Sequence[PartitionKey]) -> None:
        self._places = {text: place for place, text in enumerate(sorted(map(str, keys)))}

    def list_parts(self) -> list[str]:
        """The partition keys."""
        return list(self._places)

    def part_fn(self, item_key: str) -> int:
        """The place of the item's own partition among all, which Bytewax sorts by name."""
        return self._places[item_key]
