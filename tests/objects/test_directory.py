"""The object store in a directory: the contract, killed writers, full disks, rights."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from footfall.settings import Settings
from objects.directory import DirectoryStore
from objects.files import WRITING
from objects.opening import open_objects, prepare_objects
from objects.protocol import MAX_OBJECT_BYTES, BadKey, ObjectMissing, ObjectStoreUnreachable, ObjectTooLarge
from tests.fixtures.disk import ROOT, SmallDisks
from tests.objects.contract import ObjectStoreContract
from tests.objects.stores import Opened, listed, share


class TestDirectory(ObjectStoreContract):
    many = 230

    @pytest.fixture
    def opened(self, tmp_path: Path) -> Opened:
        return lambda stage: DirectoryStore(tmp_path / "objects", stage)


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore(tmp_path / "objects", "prod")


# Writes an object and dies at a call of the system's: in the middle of a write, at the nth fsync
# (the first is the file's, the others are the folders'), at the rename.
KILLED = """
import os, signal, sys
from pathlib import Path
from objects.directory import DirectoryStore

name, _, count = sys.argv[2].partition(" ")
real, left = getattr(os, name), int(count or 1)

def die(*arguments):
    global left
    left -= 1
    if left:
        return real(*arguments)
    if name == "write":
        real(arguments[0], arguments[1][:100_000])
    os.kill(os.getpid(), signal.SIGKILL)

setattr(os, name, die)
DirectoryStore(Path(sys.argv[1]), "prod").put("a/b/c", b"new" * 100_000)
"""
OLD, NEW = b"old" * 100_000, b"new" * 100_000


@pytest.mark.parametrize("replaces", [False, True], ids=["a new object", "in place of another"])
@pytest.mark.parametrize("where", ["write", "fsync 1", "rename", "fsync 2", "fsync 3", "fsync 4"])
def test_a_killed_writer_leaves_all_of_an_object_or_nothing(tmp_path: Path, where: str, replaces: bool) -> None:
    store = DirectoryStore(tmp_path, "prod")
    before = {"other": b"x"} | ({"a/b/c": OLD} if replaces else {})
    for key, data in before.items():
        store.put(key, data)
    command = [sys.executable, "-c", KILLED, str(tmp_path), where]
    done = subprocess.run(command, cwd=ROOT, timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    was_moved = where in ("fsync 2", "fsync 3", "fsync 4")
    left = before | ({"a/b/c": NEW} if was_moved else {})
    abandoned = list((store.root / WRITING).iterdir())
    assert len(abandoned) == (not was_moved)
    assert {key: store.get(key) for key in listed(store)} == left
    again = DirectoryStore(tmp_path, "prod")
    assert list((store.root / WRITING).iterdir()) == [], "opening it clears up"
    again.put("a/b/c", NEW)
    assert {key: again.get(key) for key in listed(again)} == before | {"a/b/c": NEW}


def test_what_somebody_is_writing_is_neither_listed_nor_cleared_up(tmp_path: Path, store: DirectoryStore) -> None:
    store.put("a", b"x")
    writing = store.root / WRITING / "0123"
    with writing.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        again = DirectoryStore(tmp_path / "objects", "prod")
        assert writing.exists()
        assert listed(again) == ["a"]
    DirectoryStore(tmp_path / "objects", "prod")
    assert not writing.exists()


def test_folders_go_while_others_put_into_them(store: DirectoryStore) -> None:
    for _ in range(3):
        share(store)
        assert listed(store) == []


FULL = """
import sys
from pathlib import Path
from objects.directory import DirectoryStore
from objects.protocol import ObjectStoreFull
from tests.fixtures.disk import fill, make_room

disk = Path(sys.argv[1])
store = DirectoryStore(disk / "objects", "prod")
store.put("a", b"old")
fill(disk)
for key, data in [("a", bytes(3_000_000)), ("new/folder/b", bytes(3_000_000)), ("a", bytes(10_000))]:
    try:
        store.put(key, data)
        raise SystemExit("it never got full")
    except ObjectStoreFull as error:
        assert error.needed_bytes == len(data)
        said = str(error)
        assert f"{key} needs {len(data)} bytes" in said and "make room" in said and str(store.root) in said, said
assert [tuple(found) for found in store.listing()] == [("a", 3)]
assert store.get("a") == b"old"
assert sorted(path.name for path in store.root.rglob("*")) == ["a", "~writing"]
store.delete("a")
make_room(disk)
store.put("new/folder/b", b"room")
print(store.get("new/folder/b").decode())
"""


def test_a_full_disk(small_disks: SmallDisks, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    assert small_disks.run({disk: "size=2m"}, "-c", FULL, str(disk)) == "room\n"


def test_a_disk_without_room_for_names(small_disks: SmallDisks, tmp_path: Path) -> None:
    program = FULL.replace("fill(disk)", "[(disk / str(n)).touch() for n in range(13)]")
    program = program.split("for key, data")[0] + (
        "try:\n    store.put('new/folder/b', b'')\n    raise SystemExit('it never got full')\n"
        "except ObjectStoreFull:\n    pass\n"
        "print(sorted(path.name for path in store.root.rglob('*')))\n"
    )
    disk = tmp_path / "disk"
    said = small_disks.run({disk: "size=2m,nr_inodes=20"}, "-c", program, str(disk))
    assert said == "['a', '~writing']\n"


def test_files_are_for_their_owner_only(store: DirectoryStore) -> None:
    before = os.umask(0)
    try:
        store.put("a/b/c", b"x")
    finally:
        os.umask(before)
    folders = [store.root.parent, store.root, store.root / "a", store.root / "a/b", store.root / WRITING]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert (store.root / "a/b/c").stat().st_mode & 0o777 == 0o600


def test_nothing_is_made_by_looking(tmp_path: Path, store: DirectoryStore) -> None:
    assert (listed(store), store.size("a")) == ([], None)
    store.delete("a/b")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_object_is_left_alone(tmp_path: Path, store: DirectoryStore) -> None:
    store.put("a/b", b"x")
    (store.root / "a" / "read me.txt").write_text("by hand")
    (store.root / "a" / "round").symlink_to(store.root)
    os.mkfifo(store.root / "a" / "pipe")
    assert listed(store) == ["a/b"]
    assert store.size("a/pipe") is None
    with pytest.raises(ObjectMissing):
        store.get("a/pipe")  # and does not wait for who writes into it
    store.delete("a/b")
    assert (store.root / "a" / "read me.txt").exists()


def test_an_object_somebody_made_too_large(store: DirectoryStore) -> None:
    store.put("a", b"")
    os.truncate(store.root / "a", MAX_OBJECT_BYTES + 1)
    with pytest.raises(ObjectTooLarge):
        store.get("a")


def test_a_place_that_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "objects").write_text("a file")
    with pytest.raises(ObjectStoreUnreachable, match="cannot be used"):
        DirectoryStore(tmp_path / "objects", "prod")


def test_it_is_what_settings_mean_without_a_server(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert prepare_objects(settings, "prod") == []
    open_objects(settings, "prod").put("raw/a", b"x")
    assert (tmp_path / "objects/prod/raw/a").read_bytes() == b"x"
    with pytest.raises(BadKey):
        open_objects(settings, "staging").get("../prod/raw/a")
