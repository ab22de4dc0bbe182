"""What has to hold before the store starts: a directory that can be written and is nobody else's, free ports."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import IO


class StartupError(Exception):
    """Why the store cannot start, and what to do about it."""


def prepare_directory(data_dir: Path) -> None:
    """Make the data directory and its parts. Raises StartupError if that is not possible."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        for name in ("data", "spool"):
            (data_dir / name).mkdir(exist_ok=True)
        probe = data_dir / ".writable"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        text = f"cannot write to the data directory {data_dir}: {error.strerror}. Choose another with --data-dir"
        raise StartupError(f"{text} or change its owner.") from None


def lock_directory(data_dir: Path) -> IO[str]:
    """Hold the directory's lock until the returned file is closed. Raises StartupError naming who holds it."""
    lock = (data_dir / "store.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        text = f"the data directory {data_dir} is in use by the store with process id {holder}"
        raise StartupError(f"{text}. Stop it first, or choose another directory with --data-dir.") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def bind(host: str, port: int, option: str) -> socket.socket:
    """A bound socket, not yet listening. Raises StartupError if the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        text = f"cannot listen on {host}:{port}: {error.strerror}"
        raise StartupError(f"{text}. Stop what uses it, or choose another port with {option}.") from None
    return sock
