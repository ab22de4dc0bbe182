"""What every connection of one store shares."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from .access import ReaderGuard, Users
from .engine import Engine
from .running import RunningQueries


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the store; times in seconds, sizes in bytes."""

    clients: int = 64
    hello_timeout: float = 10.0
    packet_timeout: float = 60.0
    idle_timeout: float = 3600.0
    kill_timeout: float = 120.0
    drain_timeout: float = 30.0
    insert_memory: int = 64 * 1024 * 1024
    insert_size: int = 2 * 1024 * 1024 * 1024
    server_memory: int = 700 * 1024 * 1024


@dataclass
class Store:
    """The engine, who may use it, what runs in it."""

    engine: Engine
    users: Users
    guard: ReaderGuard
    spool_dir: Path
    limits: Limits = field(default_factory=Limits)
    running: RunningQueries = field(default_factory=RunningQueries)
    stopping: threading.Event = field(default_factory=threading.Event)
