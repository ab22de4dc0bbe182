"""What is a key of an object, and what is none: a part of contract.py's suite."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objects.protocol import BadKey, Listed, ObjectStore
from tests.objects.stores import Opened, listed, uses

# 1024 bytes in all with "prod/".
LONGEST = "/".join(["x" * 255] * 3 + ["x" * 251])
GOOD_KEYS = [
    "a",
    "raw/site=shop.example.com/date=2026-11-26/0001.zst",
    "...",
    ".a/..b/-/_/=",
    "Aa/aA",
    "y" * 255,
    LONGEST,
]
BAD_KEYS = [
    "", "/", "/a", "a/", "a//b", ".", "..", "a/.", "a/..", "../staging/a", "a/../../staging/a", "./a", "a/./b",
    "a b", "a\\b", "a\n", "\na", "a\0", "a%2e", "ä", "a?b", "a#b", "a~", "~writing/a", "a:b", "y" * 256,
    LONGEST + "x", "a/" * 512 + "a",
]  # fmt: skip

segments = st.text("Ab0._=-", min_size=1, max_size=12).filter(lambda text: text not in (".", ".."))
keys = st.lists(segments, min_size=1, max_size=5).map("/".join)
# Mostly nearly keys: what is quite different is refused easily.
anything = st.one_of(st.text(), st.text("a./~%\\ -\n", max_size=8), st.tuples(keys, st.characters()).map("".join))
# Each example leaves the store empty, and each store runs the suite's methods as its own.
in_place = settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


class KeyContract:
    """The part of the suite about keys, with the fixtures of `ObjectStoreContract`."""

    @pytest.mark.parametrize("stage", ["", "..", "prod/x", "Prod", "prod\n", "a" * 17])
    def test_a_stage_has_a_name(self, opened: Opened, stage: str) -> None:
        with pytest.raises(BadKey, match="stage"):
            opened(stage)

    @pytest.mark.parametrize("key", GOOD_KEYS, ids=range(len(GOOD_KEYS)))
    def test_these_are_keys(self, store: ObjectStore, key: str) -> None:
        store.put(key, key.encode())
        assert (store.get(key), store.size(key), listed(store)) == (key.encode(), len(key), [key])
        store.delete(key)
        assert listed(store) == []

    @pytest.mark.parametrize("key", BAD_KEYS, ids=range(len(BAD_KEYS)))
    def test_these_are_not(self, store: ObjectStore, key: str) -> None:
        for use in uses(store, key):
            with pytest.raises(BadKey, match="key of an object"):
                use()
        assert listed(store) == []

    @pytest.mark.parametrize("prefix", ["/", "a//", "../", "a/../", "a/./b", "ä", "a b", "x/" * 600])
    def test_nor_are_these_prefixes(self, store: ObjectStore, prefix: str) -> None:
        with pytest.raises(BadKey):
            store.listing(prefix)  # at once, not at the first key
        with pytest.raises(BadKey):
            store.listing("", prefix)

    @in_place
    @given(key=keys, data=st.binary(max_size=50))
    def test_any_key_comes_back(self, store: ObjectStore, key: str, data: bytes) -> None:
        store.put(key, data)
        assert list(store.listing()) == [Listed(key, len(data))]
        assert store.get(key) == data
        store.delete(key)
        assert store.size(key) is None

    @in_place
    @given(names=st.sets(keys, max_size=6), prefix=keys, after=keys)
    def test_any_listing_is_what_was_put(
        self, store: ObjectStore, names: set[str], prefix: str, after: str
    ) -> None:
        kept = []
        for name in sorted(names):
            if not any(name.startswith(f"{other}/") for other in names):
                store.put(name, b"")
                kept.append(name)
        assert listed(store) == kept
        assert listed(store, prefix[:2], after) == [n for n in kept if n.startswith(prefix[:2]) and n > after]
        for name in kept:
            store.delete(name)

    @in_place
    @given(text=anything)
    def test_anything_is_a_key_or_refused_in_every_use(self, store: ObjectStore, text: str) -> None:
        allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._=-")
        good = len(text) <= 1019 and all(
            0 < len(part) < 256 and part not in (".", "..") and set(part) <= allowed for part in text.split("/")
        )
        for use in uses(store, text):
            if good:
                use()
            else:
                with pytest.raises(BadKey):
                    use()
        assert listed(store) == []
