"""The control plane: sites, keys, goals, salts, secrets, job runs. SQLite or PostgreSQL.

`control.open(url)` upgrades the schema where needed and returns a `Control`, which is
thread-safe and may be open in several processes at once.
"""

from control.checks import check_timezone
from control.database import missing_steps
from control.errors import CONTROL_FAULTS, ControlAwayError, ControlError, ControlFullError, NotFoundError
from control.jobs import JobRun
from control.key_info import KeyInfo, ServerKey
from control.partitions import FlowPartition
from control.plane import Control, open

__all__ = [
    "CONTROL_FAULTS",
    "Control",
    "ControlAwayError",
    "ControlError",
    "ControlFullError",
    "FlowPartition",
    "JobRun",
    "KeyInfo",
    "NotFoundError",
    "ServerKey",
    "check_timezone",
    "missing_steps",
    "open",
]
