"""What a mark on a server can do."""

from __future__ import annotations

from typing import Protocol


class Mark(Protocol):
    """The mark of one stage on one server."""

    where: str  # for people: "database footfall_prod"
    setting: str  # which names the server

    def owner(self) -> str | None:
        """The installation that left it; empty: nobody's yet, None: the server, which is not needed
        for more than this, cannot be asked now."""

    def leave(self, installation: str, *, take_over: bool) -> None:
        """Leave the installation's mark where there is none, or with `take_over` in place of another's.

        Of two who leave one at the same time `owner` tells both the same.
        """
