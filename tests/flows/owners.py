"""A data directory and a control plane whose partitions move from one worker's directory to another's; no
flow runs."""

from __future__ import annotations

import threading
from pathlib import Path

import control
from control import Control
from flows.home import Home, home_path
from flows.items import PartitionKey
from flows.ownership import Mover, Settler, owned
from objects.directory import DirectoryStore

KEYS = [PartitionKey("prod", number) for number in range(4)]
SNAPSHOTS = [("footfall.admit", b"state"), ("footfall.raw", b"position")]


class Installation:
    """A data directory and a control plane; no flow runs."""

    def __init__(self, folder: Path, url: str = "") -> None:
        """`url`: of the control plane, where it is no file."""
        self.folder = folder
        self.plane: Control = control.open(url or f"sqlite:///{folder / 'control.db'}")
        self.objects = DirectoryStore(folder / "objects", "prod")
        self.ended: list[str] = []
        self.mover = Mover(self.plane, lambda: self.objects, self.ended.append)
        self.reached = 0
        self._homes: list[Home] = []

    def home(self, worker: int, folder: str = "data") -> Home:
        made = Home(home_path(self.folder / folder, worker), wait_s=0)
        self._homes.append(made)
        return made

    def close(self, home: Home) -> None:
        self._homes.remove(home)
        home.close()

    def settle(self, home: Home, worker: int, workers: int, wait_s: float = 0) -> None:
        settler = Settler(
            home, self.plane, self.mover, f"worker {worker}", lambda _key: self.reached, home.path.parent,
            threading.Event(), wait_s,
        )  # fmt: skip
        settler.settle(owned(KEYS, workers, worker))

    def holder(self, number: int) -> str:
        return self.plane.flow_partitions()[str(KEYS[number])].holder

    def end(self) -> None:
        for home in self._homes:
            home.close()
        self.plane.close()


def give_state(home: Home, *numbers: int) -> None:
    home.store.make()
    for number in numbers:
        home.store.put(str(KEYS[number]), SNAPSHOTS)
        folder = home.path / "sessions" / str(KEYS[number])
        folder.mkdir(parents=True)
        (folder / "00000001.seg").write_bytes(b"open sessions %d" % number)


def sessions(home: Home, number: int) -> bytes:
    return (home.path / "sessions" / str(KEYS[number]) / "00000001.seg").read_bytes()
