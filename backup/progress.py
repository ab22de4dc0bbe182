"""What backup and restore tell while they work; whoever shows it derives from this."""

from __future__ import annotations


class Progress:
    """Says nothing."""

    def expect(self, rows: int) -> None:
        """How many rows there will be, about."""

    def phase(self, name: str) -> None:
        """What comes now."""

    def moved(self, rows: int) -> None:
        """So many more are through."""
