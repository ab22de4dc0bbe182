"""The control plane as commands open it: only where there is one.

Opening makes what is not there. For the parts of `footfall up` that is right; a command
given in the wrong directory would so begin a second, empty Footfall that no gateway knows.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.common import load_settings
from footfall.settings import Settings

if TYPE_CHECKING:
    from control import Control


def open_control(settings: Settings | None = None) -> Control:
    """The control plane of the settings; a plain refusal where there is none yet."""
    import control

    found = settings or load_settings()
    require_control(found)
    return control.open(found.control_plane_url())


def require_control(settings: Settings) -> None:
    """Refuse to go on where no Footfall was ever started."""
    path = control_file(settings)
    if path is None or path.exists():
        return
    if settings.control_url:
        raise click.ClickException(
            f"there is no control plane at {path.absolute()}, which FOOTFALL_CONTROL_URL names: correct that, or "
            "start Footfall with it first (`footfall up`)."
        )
    raise click.ClickException(
        f"there is no Footfall in {settings.data_dir.absolute()} (it holds no control.db). Go to the directory "
        "where `footfall up` runs, or name its data directory: FOOTFALL_DATA_DIR, or `footfall --data-dir DIR`. "
        "To begin a new Footfall here, start it first: `footfall up`."
    )


def control_file(settings: Settings) -> Path | None:
    """The file of the control plane; None where a database server keeps it."""
    if not settings.control_url:
        return settings.data_dir / "control.db"
    from sqlalchemy import make_url

    url = make_url(settings.control_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None
