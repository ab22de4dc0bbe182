"""Where the parts of one data directory keep their run files, and their environment."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from footfall.settings import Settings

MAX_SOCKET_PATH = 100  # the kernel's limit is 108 bytes with the closing zero, 104 on macOS


def run_dir(data_dir: Path) -> Path:
    """Lock, status and sockets."""
    return data_dir.absolute() / "run"


def log_file(data_dir: Path, part: str) -> Path:
    """What a part prints."""
    return data_dir.absolute() / "logs" / f"{part}.log"


def status_file(data_dir: Path) -> Path:
    """What the supervisor says of its parts."""
    return run_dir(data_dir) / "up.json"


def socket_path(data_dir: Path) -> Path:
    """Valkey's socket: in the data directory or, where that path is too long for a socket,
    in a private directory below the system's temporary one. Always the same."""
    natural = run_dir(data_dir) / "valkey.sock"
    if len(os.fsencode(natural)) <= MAX_SOCKET_PATH:
        return natural
    digest = hashlib.blake2b(os.fsencode(natural), digest_size=6).hexdigest()
    return Path(tempfile.gettempdir()) / f"footfall-{os.getuid()}-{digest}" / "valkey.sock"


def make_dirs(data_dir: Path) -> None:
    """Make the directories, closed to others; `PermissionError` where the socket's
    directory is somebody else's."""
    for path in (data_dir.absolute(), run_dir(data_dir), log_file(data_dir, "x").parent):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    holder = socket_path(data_dir).parent
    holder.mkdir(mode=0o700, exist_ok=True)
    found = holder.stat()
    if found.st_uid != os.getuid() or (holder != run_dir(data_dir) and stat.S_IMODE(found.st_mode) & 0o077):
        raise PermissionError(
            f"{holder} is open to others or not yours: remove it, or set a shorter FOOTFALL_DATA_DIR"
        )


def resolve(settings: Settings) -> Settings:
    """The settings with an absolute data directory and the address of Valkey's socket."""
    data_dir = settings.data_dir.absolute()
    redis_url = settings.redis_url or f"unix://{socket_path(data_dir)}"
    return settings.model_copy(update={"data_dir": data_dir, "redis_url": redis_url})


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give another process these settings. Secrets go this way and
    never on a command line, where everybody may read them."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {f"FOOTFALL_{name.upper()}": str(value) for name, value in values.items() if value is not None}
