"""The checks of `footfall doctor`: the literal list."""

from __future__ import annotations

from collections.abc import Callable

from cli.checks.finding import Finding
from cli.checks.machine import clock, disk, ports, secrets, versions
from cli.checks.owner import owner
from cli.checks.parts import archive, control_plane, data, gateway, log, metrics, store, valkey, workers
from cli.checks.traffic import addresses, bots, proxy_header
from footfall.settings import Settings

# To add a check: a function here. It returns what it found and never raises for what is
# wrong; it is quick, and it changes nothing.
CHECKS: tuple[Callable[[Settings], list[Finding]], ...] = (
    versions, disk, secrets, ports, control_plane, owner, store, valkey, log, gateway, metrics, workers, archive,
    data, clock,
    proxy_header, addresses, bots,
)  # fmt: skip


def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order of the list."""
    return [finding for check in CHECKS for finding in check(settings)]
