"""Reads an archive back, by its files alone."""

from __future__ import annotations

from footfall.archive import PREFIX, Entry, place_of, read_entries
from objects.protocol import ObjectStore


def stored_entries(store: ObjectStore) -> dict[int, list[tuple[int, Entry]]]:
    """Partition -> (offset, entry) in the order of keys, overlapping objects as they are."""
    found: dict[int, list[tuple[int, Entry]]] = {}
    for listed in store.listing(PREFIX):
        place = place_of(listed.key)
        assert place is not None, listed.key
        for frame in read_entries(store.get(listed.key)):
            for entry in frame:
                assert place.first <= entry.offset <= place.last
                found.setdefault(place.partition, []).append((entry.offset, entry))
    return found
