"""What tests do with a store."""

from __future__ import annotations

import threading
from collections.abc import Callable

from objects.protocol import ObjectStore

Opened = Callable[[str], ObjectStore]


def listed(store: ObjectStore, prefix: str = "", start_after: str = "") -> list[str]:
    return [found.key for found in store.listing(prefix, start_after)]


def uses(store: ObjectStore, key: str) -> list[Callable[[], object]]:
    """Every way to name a key."""
    return [
        lambda: store.put(key, b"x"),
        lambda: store.get(key),
        lambda: store.size(key),
        lambda: store.delete(key),
    ]


def share(store: ObjectStore) -> None:
    """Threads put, get and delete, each its own objects in the same folders."""
    failed: list[Exception] = []

    def work(thread: int) -> None:
        try:
            for number in range(25):
                key = f"shared/{number % 3}/{thread}"
                store.put(key, b"%d" % number)
                assert store.get(key) == b"%d" % number
                store.delete(key)
        except Exception as error:  # noqa: BLE001 - told below, in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failed, failed
