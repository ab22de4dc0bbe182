"""Does the raw archive hold each acknowledged event once? Asked of its objects alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from footfall.archive import Entry
from footfall.record import decode
from footfall.settings import Settings
from objects.opening import open_objects
from tests.archive.reading import stored_entries


def check_archive(settings: Settings, acknowledged: Collection[bytes]) -> list[str]:
    """What is wrong with the archive of the stage; nothing where none is kept."""
    if not settings.archive_days:
        return []
    return problems_of(stored_entries(open_objects(settings, settings.stage)), acknowledged)


def problems_of(entries: Mapping[int, Sequence[tuple[int, Entry]]], acknowledged: Collection[bytes]) -> list[str]:
    """As its readers do, each position counts once: objects of a flow that was killed may overlap."""
    times: Counter[bytes] = Counter()
    unlike = 0
    for of_partition in entries.values():
        first: dict[int, Entry] = {}
        for offset, entry in of_partition:
            if offset in first:
                unlike += first[offset] != entry
                continue
            first[offset] = entry
            events = enumerate(decode(entry.record).events)
            times.update(event.event_id for place, event in events if place not in entry.left_out)
    lost, strange = set(acknowledged) - times.keys(), times.keys() - set(acknowledged)
    double = sum(1 for count in times.values() if count > 1)
    found = {
        f"{len(lost)} of {len(acknowledged)} acknowledged events are not archived": len(lost),
        f"{len(strange)} archived events were never acknowledged": len(strange),
        f"{double} events are archived at more than one position": double,
        f"{unlike} positions are archived twice and not alike": unlike,
    }
    return [text for text, count in found.items() if count]
