"""What backup and restore say to people. Each message tells what to do."""

from __future__ import annotations


class BackupError(Exception):
    """What was asked for cannot be."""


class Damaged(BackupError):
    """A backup does not hold what its manifest says."""
