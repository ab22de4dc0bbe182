"""From settings to the parts of a flow: opens the log, the control plane and the stores."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterable
from functools import partial

import control
import installations
from control import Control, ControlError
from control.copying import require_restored
from eventlog.opening import open_log
from eventlog.protocol import Reader
from flows.app import Parts
from flows.archiving import OpenSpool
from flows.beginning import Beginnings
from flows.claims import Claims
from flows.home import Home
from flows.items import PartitionKey
from flows.ownership import Mover, Settler, owned
from flows.partition import PartitionPolicy
from flows.serving import Layouts, LayoutWatch, drained_keys, served_keys
from flows.shipping import Shipper
from flows.sites import SitesView
from flows.spool import ARCHIVE_DIR, Spool
from flows.store_answers import store_answers
from footfall.enrich.context import Context
from footfall.enrich.geo import GeoDatabaseError, MmdbGeo, open_geo
from footfall.live_view import LiveValues
from footfall.names import database_name
from footfall.sessions import Policy
from footfall.settings import MINUTE_MS, Settings
from footfall.sites import DEFAULT_WINDOW_MS
from objects.opening import open_objects
from sinks.batches import load_batches
from sinks.clickhouse import connect, retrying
from sinks.cluster import sync
from sinks.live import LiveWriter
from sinks.positions import kill_inserts, progress_of
from sinks.writer import StoreWriter

logger = logging.getLogger(__name__)
FLOW_NAME = "flow"
SEGMENT_BYTES = 32 * 1024 * 1024  # of the archive's spool: the objects made of one are no larger
RETRY_LIMIT_S = 60.0


def _geo(settings: Settings) -> MmdbGeo | None:
    """The geo database, or none: places are then empty, which is no reason to stop."""
    if settings.geo_database is None:
        return None
    try:
        return open_geo(settings.geo_database)
    except GeoDatabaseError as error:
        logger.warning("going on without places: %s", error)
        return None


def layouts_of(settings: Settings, plane: Control) -> Layouts:
    """How the logs of all served stages are laid out."""
    return {stage: plane.log_layout(stage, count) for stage, count in settings.topics().items()}


def end_inserts(settings: Settings, limit_s: float, home_id: str) -> None:
    """Return once no insert of a worker's directory runs in the store any more."""

    def end(_attempt: int) -> None:
        client = connect(settings)
        try:
            for stage in settings.topics():
                kill_inserts(client, f"{query_prefix(stage, home_id)}:", settings.clickhouse_cluster)
        finally:
            client.disconnect()

    retrying(end, limit_s=limit_s, what="ending a worker's inserts")


def query_prefix(stage: str, home_id: str) -> str:
    """By which a successor finds a worker's inserts."""
    return f"{stage}-{FLOW_NAME}-{home_id}"


def mover(settings: Settings, plane: Control, limit_s: float = RETRY_LIMIT_S) -> Mover:
    """Moves partitions' state through the object store of the stage; `limit_s` is for a store that
    does not answer."""
    return Mover(plane, partial(open_objects, settings, settings.stage), partial(end_inserts, settings, limit_s))


class Wiring:
    """Opens each thing once and closes it again; `home` stays the caller's."""

    def __init__(self, settings: Settings, stop: threading.Event, home: Home) -> None:
        self._settings = settings
        self._stop = stop
        self._home = home
        self._control = control.open(settings.control_plane_url())
        require_restored(self._control)
        self._check_owner()
        self._layouts = layouts_of(settings, self._control)
        self.watch = LayoutWatch(
            self._layouts, self._control.version, lambda: layouts_of(settings, self._control), stop
        )
        self._served = served_keys(self._layouts)
        worker = settings.worker or 0
        self._name = f"worker {worker} of {settings.workers} (process {os.getpid()} on {socket.gethostname()})"
        self._keys = owned(self._served, settings.workers, worker)
        self._drained = drained_keys(self._layouts)
        self._claims: Claims | None = None
        self._sites = SitesView(self._control.version, self._control.sites)
        self._store_writers: dict[str, StoreWriter] = {}
        self._live_writers: dict[str, LiveWriter] = {}
        self._shipper: Shipper | None = None

    def _check_owner(self) -> None:
        """Raises `installations.ClaimedError` where another installation writes what this flow would write."""
        settings, stages = self._settings, self._settings.topics()
        try:
            installation = installations.identify(self._control, settings.stage)
            installations.check(
                settings, installation, stages, frozenset({installations.LOG, installations.STORE}), RETRY_LIMIT_S
            )
            installations.claim(settings, installation, stages, frozenset({installations.LIVE}))
        except BaseException:
            self._control.close()
            raise

    @property
    def lost(self) -> bool:
        """Whether a partition was given to another worker while this one ran."""
        return self._claims is not None and self._claims.lost

    def forget(self) -> None:
        """Give up the state of this worker's partitions: the store is behind of it."""
        self._home.forget(map(str, self._keys))

    def claim(self) -> None:
        """Have the state of this worker's partitions, and no other's, in its directory. To be called
        before `parts`; raises `StateElsewhere` and what the object store says."""
        plane, settings = self._control, self._settings
        if not set(self._keys) - self._drained:
            number = len(set(self._served) - self._drained)
            raise ControlError(
                f"{self._name} has no partition: the log has {number} with those of stage "
                f"{settings.dev_stage or 'dev'}. Set FOOTFALL_WORKERS to at most the number of partitions"
            )
        moving = mover(settings, plane)
        settler = Settler(self._home, plane, moving, self._name, self._stored_until, settings.data_dir, self._stop)
        settler.settle(self._keys)
        self._claims = Claims(plane, self._home, list(map(str, self._keys)), self._name, self._stop)

    def _stored_until(self, key: PartitionKey) -> int:
        def ask(_attempt: int) -> int:
            client = connect(self._settings)
            try:
                sync(client, self._settings.clickhouse_cluster, database_name(key.stage), "progress")
                return progress_of(client, database_name(key.stage), key.partition)[0]
            finally:
                client.disconnect()

        return retrying(ask, limit_s=RETRY_LIMIT_S, what="recovery")

    def _may_write(self) -> None:
        if self._claims is not None:
            self._claims.check()

    def parts(self) -> Parts:
        """What `flows.app.build` takes."""
        settings = self._settings
        return Parts(
            keys=self._keys,
            drained=self._drained,
            unsure_until=self.watch.unsure_until,
            open_reader=self._reader,
            sites=self._sites.get,
            context=Context(geo=_geo(settings)),
            policy=PartitionPolicy(
                sessions=Policy(lateness_ms=settings.lateness_ms),
                duplicate_horizon_ms=int(settings.duplicate_horizon_minutes * MINUTE_MS),
                quarantine_per_site_per_day=settings.quarantine_per_site_per_day,
                archive=settings.archive_days > 0,
            ),
            load_batches=self._load_batches,
            store_writer=self._store_writer,
            live_writer=self._live_writer,
            stop=self._stop,
            beginnings=Beginnings(store_answers(settings, self._quiet_ms()), self._reader),
            state_dir=self._home.path / "sessions",
            stop_ratio=settings.quarantine_stop_ratio,
            archive=self._archive(),
        )

    def _quiet_ms(self) -> int:
        """After so long without an event any session is closed."""
        windows = [window.window_ms for site in self._control.sites().by_id.values() for window in site.windows]
        return max([DEFAULT_WINDOW_MS, *windows]) + self._settings.lateness_ms

    def _archive(self) -> tuple[OpenSpool, Shipper] | None:
        settings = self._settings
        if not settings.archive_days:
            return None
        limit = settings.archive_spool_megabytes * 1024**2
        # All partitions' unfinished segments together leave half of the room to what waits.
        segment = min(SEGMENT_BYTES, limit // (2 * len(self._keys)))
        self._shipper = Shipper(partial(open_objects, settings), limit, self._stop)

        def open_spool(key: PartitionKey) -> Spool:
            return Spool(self._home.path / ARCHIVE_DIR / str(key), segment, settings.archive_minutes * 60)

        return open_spool, self._shipper

    def _reader(self, stage: str) -> Reader:
        return open_log(self._settings, stage, self._layouts[stage]).reader()

    def _load_batches(self, key: PartitionKey, before_offset: int, since: int) -> Iterable[tuple[int, int]]:
        client = connect(self._settings, database=database_name(key.stage))
        try:
            sync(client, self._settings.clickhouse_cluster, database_name(key.stage), "events")
            return load_batches(client, key.partition, before_offset, since)
        finally:
            client.disconnect()

    def _store_writer(self, stage: str) -> StoreWriter:
        writer = self._store_writers.get(stage)
        if writer is None:
            database = database_name(stage)
            writer = StoreWriter(
                partial(connect, self._settings, database=database),
                database=database,
                flush_seconds=self._settings.flush_seconds,
                query_prefix=query_prefix(stage, self._home.id),
                older_prefix=f"{stage}-{FLOW_NAME}" if not self._settings.worker else "",
                may_write=self._may_write,
                cluster=self._settings.clickhouse_cluster,
            )
            self._store_writers[stage] = writer
        return writer

    def _live_writer(self, stage: str) -> LiveWriter:
        writer = self._live_writers.get(stage)
        if writer is None:
            writer = LiveWriter(self._settings.redis_address(), stage)
            writer.put(self._gone(stage))
            self._live_writers[stage] = writer
        return writer

    def _gone(self, stage: str) -> list[LiveValues]:
        """Drained partitions say nothing of now any more."""
        return [
            LiveValues(site_id=site_id, shard=key.partition, gone=True)
            for key in self._drained
            if key.stage == stage
            for site_id in self._control.sites().by_id
        ]

    def close(self) -> None:
        """Close what was opened; the writers first, as they may still have rows in hand."""
        for writer in self._store_writers.values():
            writer.close()
        for live in self._live_writers.values():
            live.close()
        if self._shipper is not None:
            self._shipper.close()
        if self._claims is not None:
            self._claims.close()
        self.watch.close()
        self._sites.close()
        self._control.close()
