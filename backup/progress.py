"""What backup and restore tell while they work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Whoever shows it, or does not."""

    def expect(self, rows: int, /) -> None:
        """How many rows there will be, about."""

    def phase(self, name: str, /) -> None:
        """What comes now."""

    def moved(self, rows: int, /) -> None:
        """So many more are through."""


class NotShown:
    """A `Progress` that says nothing."""

    def expect(self, rows: int, /) -> None:
        """See `Progress`."""

    def phase(self, name: str, /) -> None:
        """See `Progress`."""

    def moved(self, rows: int, /) -> None:
        """See `Progress`."""
