"""Objects of the installation, into a backup that lies elsewhere, and back."""

from __future__ import annotations

from backup.progress import Progress
from backup.target import PREFIX, Target
from footfall.settings import Settings
from objects.keys import OWNER_KEY
from objects.opening import open_objects, prepare_objects
from objects.protocol import ObjectMissing


def copy_out(settings: Settings, stage: str, target: Target, progress: Progress) -> tuple[int, int]:
    """All objects of a stage but for backups and the mark of whose they are; (how many, bytes). Objects are
    never changed once they are there; one that goes meanwhile was past its time."""
    store = open_objects(settings, stage)
    progress.phase(f"{stage} objects")
    count = size = 0
    for found in store.listing():
        if found.key.startswith(PREFIX) or found.key == OWNER_KEY:
            continue
        try:
            data = store.get(found.key)
        except ObjectMissing:
            continue
        target.put(_key(stage, found.key), data)
        count, size = count + 1, size + len(data)
    return count, size


def copy_in(settings: Settings, stage: str, source: Target, progress: Progress) -> int:
    """Those that are not there yet; how many."""
    prepare_objects(settings, stage)
    store = open_objects(settings, stage)
    progress.phase(f"{stage} objects")
    count = 0
    for found in source.listing(_key(stage, "")):
        key = found.key.removeprefix(_key(stage, ""))
        if store.size(key) != found.size:
            store.put(key, source.get(found.key))
            count += 1
    return count


def _key(stage: str, key: str) -> str:
    return f"objects/{stage}/{key}"
