"""From the archive into the log, no faster than live events stay fresh beside it, and on until all of
it is stored."""

from __future__ import annotations

from collections.abc import Sequence

from cli.importer.feed import Feed
from cli.importer.store import stored_positions
from cli.layout import layout_of
from cli.progress import ProgressBar
from cli.replaying.reading import Found, entries_after, record_of
from cli.replaying.state import Lease, State, save
from control import Control
from eventlog.opening import open_log
from footfall.settings import Settings
from objects.protocol import ObjectStore

# Events between two notes of the position: a replay that was killed repeats so many at most, which
# changes nothing but takes time.
SAVE_EVERY = 5_000


def run(
    settings: Settings, plane: Control, store: ObjectStore, objects: Sequence[Found], state: State,
    bar: ProgressBar, lease: Lease,
) -> None:  # fmt: skip
    """Replay what is left of it. When it returns all is stored, and what is late is known to be."""
    asked = state.asked
    layout = layout_of(settings, asked.stage)

    def tick() -> None:
        lease.check()
        bar.tick()

    log = open_log(settings, asked.stage, layout)
    feed = Feed(log, layout, lambda: stored_positions(settings, asked.stage), tick)
    unsaved = 0
    try:
        for position, entry in entries_after(store, objects, state.position, lambda one: bar.moved(0, one.size)):
            record = record_of(asked.site_id, position.partition, entry, state.number, asked.redo)
            feed.put_in(position.partition, record)
            events = len(record.events) - len(entry.left_out)
            state.position = position
            state.records += 1
            state.events += events
            unsaved += events
            bar.moved(events, 0)
            if unsaved >= SAVE_EVERY:
                feed.flush()  # what the position says must be in the log
                lease.check()
                save(plane, state)
                unsaved = 0
        bar.phase("storing")
        feed.wait_stored()
        lease.check()
        save(plane, state)
    finally:
        feed.close()
