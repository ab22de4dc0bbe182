"""What the control plane says to people. Each message tells what to do."""

from __future__ import annotations


class ControlError(ValueError):
    """What was asked for cannot be; the message tells the person what to do."""


class NotFoundError(ControlError):
    """There is no such site, key or goal."""


class ControlFullError(ControlError):
    """The disk of the control plane is full. Nothing was changed; reading still works."""


class ControlAwayError(ControlError):
    """The database server does not answer, or not in time. A later try may do better."""
