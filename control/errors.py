"""What the control plane says to people. Each message tells what to do."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError


class ControlError(ValueError):
    """What was asked for cannot be; the message tells the person what to do."""


class NotFoundError(ControlError):
    """There is no such site, key or goal."""


class ControlFullError(ControlError):
    """The disk of the control plane is full. Nothing was changed; reading still works."""


class ControlAwayError(ControlError):
    """The database server does not answer, or not in time. A later try may do better."""


# All that asking the control plane may raise: what a person can mend said plainly, the rest as the driver has it.
CONTROL_FAULTS = (ControlError, SQLAlchemyError)
