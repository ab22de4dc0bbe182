"""What every object store must do: subclass `ObjectStoreContract`, give it an `opened` fixture.

`opened(stage)` opens a store for a stage in one place that is empty when the test begins, anew
each time as another process would.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from objects import protocol
from objects.protocol import BadKey, KeyConflict, Listed, ObjectMissing, ObjectStore, ObjectTooLarge
from tests.objects.key_contract import KeyContract
from tests.objects.stores import Opened, listed, share, uses

MIB = 1024 * 1024


class ObjectStoreContract(KeyContract):
    """The suite."""

    many = 1030  # more than a page, where there are pages

    @pytest.fixture
    def opened(self) -> Opened:
        raise NotImplementedError

    @pytest.fixture
    def store(self, opened: Opened) -> ObjectStore:
        return opened("prod")

    def test_an_empty_store_has_nothing(self, store: ObjectStore) -> None:
        assert listed(store) == []
        assert store.size("a") is None
        with pytest.raises(ObjectMissing, match="no object a/b in"):
            store.get("a/b")
        store.delete("a")

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000], ids=["nothing", "a byte", "1.2 MiB"])
    def test_what_was_put_comes_back(self, opened: Opened, store: ObjectStore, data: bytes) -> None:
        store.put("raw/site=a/1.zst", data)
        again = opened("prod")
        assert again.get("raw/site=a/1.zst") == data
        assert again.size("raw/site=a/1.zst") == len(data)
        assert list(again.listing()) == [Listed("raw/site=a/1.zst", len(data))]

    def test_a_put_takes_the_place_of_the_last(self, store: ObjectStore) -> None:
        store.put("a", b"longer than the next")
        store.put("a", b"next")
        assert (store.get("a"), store.size("a"), listed(store)) == (b"next", 4, ["a"])

    def test_a_delete_may_be_repeated(self, store: ObjectStore) -> None:
        store.put("a/b/c", b"x")
        store.put("a/d", b"y")
        for _ in range(2):
            store.delete("a/b/c")
            assert listed(store) == ["a/d"]
        assert store.size("a/b/c") is None
        with pytest.raises(ObjectMissing):
            store.get("a/b/c")

    def test_a_folder_that_is_empty_leaves_its_name(self, store: ObjectStore) -> None:
        store.put("a/b/c", b"x")
        store.delete("a/b/c")
        store.put("a", b"y")
        assert listed(store) == ["a"]

    def test_a_folder_is_no_object(self, store: ObjectStore) -> None:
        store.put("a/b", b"x")
        assert store.size("a") is None
        with pytest.raises(ObjectMissing):
            store.get("a")
        store.delete("a")
        assert store.get("a/b") == b"x"

    def test_nothing_is_below_an_object(self, store: ObjectStore) -> None:
        store.put("a", b"x")
        assert store.size("a/b") is None
        with pytest.raises(ObjectMissing):
            store.get("a/b")
        store.delete("a/b")
        assert store.get("a") == b"x"

    @pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a", "a/b/c"), ("a/b", "a"), ("a/b/c", "a")])
    def test_an_object_and_a_folder_of_one_name_are_refused_or_both_kept(
        self, store: ObjectStore, first: str, second: str
    ) -> None:
        store.put(first, b"1")
        kept = {first, second}
        try:
            store.put(second, b"2")
        except KeyConflict:
            kept.remove(second)
        assert set(listed(store)) == kept
        assert store.get(first) == b"1"

    def test_a_listing_is_in_the_order_of_keys(self, store: ObjectStore) -> None:
        names = ["a-b", "a.b", "a/b", "a/c/d", "a0", "aA", "A", "a_b", "a=b", "b/1", "b-/1", "b./1", "b0/1"]
        for name in names:
            store.put(name, name.encode())
        assert listed(store) == sorted(names)
        assert {found.size for found in store.listing("a/")} == {3, 5}

    def test_a_prefix_may_end_anywhere(self, store: ObjectStore) -> None:
        names = ["raw/site=a/1", "raw/site=a/2", "raw/site=ab/1", "raw/site=b/1", "rawer/1"]
        for name in names:
            store.put(name, b"")
        for prefix in ("", "r", "raw", "raw/", "raw/site=a", "raw/site=a/", "raw/site=a/1", "raw/x", "x", "raw/."):
            assert listed(store, prefix) == [name for name in names if name.startswith(prefix)], prefix

    def test_a_listing_goes_on_after_a_key(self, store: ObjectStore) -> None:
        names = sorted(["a", "b/1", "b/2", "b/2/../x".replace("..", "y"), "b-", "c/d/e", "c/d/f", "z"])
        for name in names:
            if name != "b/2":  # a folder
                store.put(name, b"")
        there = [name for name in names if name != "b/2"]
        for after in ("", "0", "a", "b", "b/", "b/1", "b/2", "b/2/y", "b/3", "c/d", "c/d/e", "c/e", "z", "zz"):
            assert listed(store, "", after) == [name for name in there if name > after], after
            assert listed(store, "b", after) == [n for n in there if n > after and n.startswith("b")], after

    def test_more_objects_than_one_page(self, store: ObjectStore) -> None:
        names = [f"m/{number // 100:02}/{number:04}" for number in range(self.many)]
        for name in names:
            store.put(name, b"")
        assert listed(store) == names
        assert listed(store, "m/", names[150]) == names[151:]
        reading = store.listing()
        assert next(reading).key == names[0]
        for name in names:
            store.delete(name)
        assert listed(store) == []

    def test_a_store_names_no_other_stage(self, opened: Opened, store: ObjectStore) -> None:
        other = opened("staging")
        other.put("secret", b"staging's")
        store.put("own", b"prod's")
        for key in ("../staging/secret", "/staging/secret", "a/../../staging/secret", "./../staging/secret"):
            for use in uses(store, key):
                with pytest.raises(BadKey):
                    use()
            with pytest.raises(BadKey):
                store.listing(key)
            with pytest.raises(BadKey):
                store.listing("", key)
        for key in ("secret", "staging/secret", "prod/own"):
            assert store.size(key) is None
            store.delete(key)
        assert listed(store) == ["own"]
        assert listed(opened("staging")) == ["secret"]
        assert other.get("secret") == b"staging's"
        assert listed(opened("prod2")) == listed(opened("pro")) == []

    def test_an_object_that_is_too_large_is_refused(
        self, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ObjectTooLarge, match="67108864 bytes"):
            store.put("a", bytes(protocol.MAX_OBJECT_BYTES + 1))
        assert listed(store) == []

    def test_the_largest_object_fits(self, store: ObjectStore) -> None:
        data = bytes(protocol.MAX_OBJECT_BYTES)
        store.put("a", data)
        assert store.get("a") == data

    def test_a_reader_says_how_much_it_takes(self, store: ObjectStore) -> None:
        store.put("a", bytes(3 * MIB))
        assert len(store.get("a", max_bytes=3 * MIB)) == 3 * MIB
        with pytest.raises(ObjectTooLarge):
            store.get("a", max_bytes=3 * MIB - 1)
        assert store.get("a") == bytes(3 * MIB)

    def test_readers_see_an_object_whole(self, opened: Opened, store: ObjectStore) -> None:
        sizes = {letter: (2 * MIB) + ord(letter) for letter in "abc"}
        store.put("x", b"a" * sizes["a"])
        over = threading.Event()

        def write() -> Iterator[None]:
            mine = opened("prod")
            while not over.is_set():
                for letter in "bca":
                    mine.put("x", letter.encode() * sizes[letter])
                yield

        writer = threading.Thread(target=lambda: list(write()))
        writer.start()
        try:
            for _ in range(40):
                data = store.get("x")
                letter = chr(data[0])
                assert data == letter.encode() * sizes[letter]
        finally:
            over.set()
            writer.join(20)

    def test_threads_share_a_store(self, store: ObjectStore) -> None:
        # Nobody deletes the last object of a folder here: VersityGW (1.8.0) may then refuse the next put.
        neighbours = [f"shared/{number}/neighbour" for number in range(3)]
        for key in neighbours:
            store.put(key, b"")
        share(store)
        assert listed(store) == neighbours
