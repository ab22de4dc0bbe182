"""`Control`: everything the control plane can do, in one object."""

from __future__ import annotations

from control.database import Database
from control.generations import GenerationTable
from control.jobs import JobTable
from control.keys import KeyTable
from control.partitions import PartitionTable
from control.secrets import SecretTable
from control.settings import SettingTable
from control.sites import SiteTable


class Control(SiteTable, KeyTable, SecretTable, SettingTable, JobTable, GenerationTable, PartitionTable):
    """The control plane of one installation. Thread-safe."""


def open(url: str) -> Control:
    """Open (and, where needed, make or upgrade) the control plane at a SQLAlchemy URL."""
    return Control(url)


__all__ = ["Control", "Database", "open"]
