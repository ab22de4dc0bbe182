"""The layout of a stage's log, as commands ask for it."""

from __future__ import annotations

from cli.plane import control_file
from footfall.generations import Layout, one_generation
from footfall.settings import Settings


def layout_of(settings: Settings, stage: str) -> Layout:
    """From the control plane; where there is none yet, what the settings say. Raises `ControlError`."""
    partitions = settings.topics().get(stage, settings.partitions)
    path = control_file(settings)
    if path is not None and not path.exists():
        return one_generation(partitions)
    import control

    if control.missing_steps(settings.control_plane_url()):  # to look is not to make its tables
        return one_generation(partitions)
    plane = control.open(settings.control_plane_url())
    try:
        return plane.log_layout(stage, partitions)
    finally:
        plane.close()
