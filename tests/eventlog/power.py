"""A power cut, rebuilt from the recorded system calls of a process (record.c).

A file's content is durable up to where its last finished fsync or fdatasync began; a
name in a directory up to the last finished fsync of that directory. Everything else is
gone at the cut (`Disk.strict`), or any part of it happens to be there (`Disk.lucky`:
sectors of writes and a beginning of each directory's changes, at random).
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

HEAD = struct.Struct("<ciqI")
SECTOR = 512


class Call(NamedTuple):
    """One recorded call."""

    kind: str
    fd: int
    number: int  # offset, size or flags; of a sync: how many calls came before its beginning
    data: bytes


def read_trace(path: Path) -> list[Call]:
    """All calls of a trace, but for a torn last one."""
    data = path.read_bytes()
    calls = []
    at = 0
    while at + HEAD.size <= len(data):
        kind, fd, number, size = HEAD.unpack_from(data, at)
        at += HEAD.size
        if at + size > len(data):
            break
        calls.append(Call(kind.decode(), fd, number, data[at : at + size]))
        at += size
    return calls


class Change(NamedTuple):
    """A write or truncation not yet durable."""

    when: int  # number of the call
    offset: int
    data: bytes | None  # None: truncated to `offset`


def apply(content: bytearray, offset: int, data: bytes | None) -> None:
    """Do a change to a file's content."""
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


@dataclass
class Inode:
    """A file: its durable content and what came after."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)

    def sync(self, before: int) -> None:
        """Everything before call number `before` is durable."""
        for change in self.pending:
            if change.when < before:
                apply(self.durable, change.offset, change.data)
        self.pending = [change for change in self.pending if change.when >= before]

    def lucky(self, chance: random.Random) -> bytearray:
        """The content with a random part of what was not synced."""
        content = bytearray(self.durable)
        for change in self.pending:
            if change.data is None:
                if chance.random() < 0.5:
                    apply(content, change.offset, None)
                continue
            for at in range(0, len(change.data), SECTOR):
                if chance.random() < 0.5:
                    apply(content, change.offset + at, change.data[at : at + SECTOR])
        return content


class NameChange(NamedTuple):
    """A name set to a file, or (None) removed."""

    when: int  # number of the call
    name: str
    inode: Inode | None


@dataclass
class Directory:
    """Names: durable ones and the changes after them."""

    durable: dict[str, Inode] = field(default_factory=dict)
    pending: list[NameChange] = field(default_factory=list)

    def after(self, changes: list[NameChange]) -> dict[str, Inode]:
        """The names once `changes` are done."""
        names = dict(self.durable)
        for change in changes:
            if change.inode is None:
                names.pop(change.name, None)
            else:
                names[change.name] = change.inode
        return names

    def sync(self, before: int) -> None:
        """Every change before call number `before` is durable."""
        self.durable = self.after([change for change in self.pending if change.when < before])
        self.pending = [change for change in self.pending if change.when >= before]


class Disk:
    """One directory as a trace leaves it, call by call; `acks` is what the process had
    written to its acks file, which is no part of the disk."""

    def __init__(self, directory: Path, acks: Path) -> None:
        self._directory = str(directory)
        self._acks_path = str(acks)
        self.names = Directory()
        self.acks = bytearray()
        self._fds: dict[int, Inode | Directory | None] = {}
        self._acks_fd = -1
        self._renamed = ""
        self._made = 0

    def run(self, calls: list[Call]) -> Iterator[int]:
        """Play the calls; yields after each."""
        for index, call in enumerate(calls):
            self._play(index, call)
            yield index

    def _play(self, index: int, call: Call) -> None:
        match call.kind:
            case "O":
                self._open(index, call)
            case "U":
                self._rename(index, call.data.decode(), None)
            case "R":
                self._renamed = call.data.decode()
            case "r":
                inode = self._current().get(self._name(self._renamed) or "")
                self._rename(index, self._renamed, None)
                self._rename(index, call.data.decode(), inode)
            case "W" if call.fd == self._acks_fd:
                apply(self.acks, call.number, call.data)
            case "W" | "T":
                target = self._fds.get(call.fd)
                if isinstance(target, Inode):
                    target.pending.append(Change(index, call.number, call.data if call.kind == "W" else None))
            case "S":
                synced = self._fds.get(call.fd)
                if synced is not None:
                    synced.sync(call.number)

    def _open(self, index: int, call: Call) -> None:
        path = call.data.decode()
        self._fds[call.fd] = None
        self._acks_fd = -1 if call.fd == self._acks_fd else self._acks_fd
        if path == self._acks_path:
            self._acks_fd = call.fd
        elif path == self._directory:
            self._fds[call.fd] = self.names
        elif name := self._name(path):
            inode = self._current().get(name)
            if inode is None:
                inode = Inode()
                self.names.pending.append(NameChange(index, name, inode))
            elif call.number & os.O_TRUNC:
                inode.pending.append(Change(index, 0, None))
            self._fds[call.fd] = inode

    def _current(self) -> dict[str, Inode]:
        return self.names.after(self.names.pending)

    def _name(self, path: str) -> str | None:
        head, _, name = path.rpartition("/")
        return name if head == self._directory and not name.endswith("-shm") else None

    def _rename(self, index: int, path: str, inode: Inode | None) -> None:
        if name := self._name(path):
            self.names.pending.append(NameChange(index, name, inode))

    def strict(self, target: Path) -> None:
        """Write out what is surely there after a power cut now."""
        self._write(target, {name: inode.durable for name, inode in self.names.durable.items()})

    def lucky(self, target: Path, chance: random.Random) -> None:
        """Write out one of the states that a power cut now may leave."""
        kept = self.names.pending[: chance.randint(0, len(self.names.pending))]
        self._write(target, {name: inode.lucky(chance) for name, inode in self.names.after(kept).items()})

    def _write(self, target: Path, contents: dict[str, bytearray]) -> None:
        target.mkdir()
        for name, content in contents.items():
            (target / name).write_bytes(content)
