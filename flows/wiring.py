"""From settings to the parts of a flow: opens the log, the control plane and the stores."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from functools import partial

import control
from eventlog.opening import open_log
from eventlog.protocol import Reader
from flows.app import Parts
from flows.items import PartitionKey
from flows.partition import PartitionPolicy
from flows.serving import served_keys
from flows.sites import SitesView
from footfall.enrich.context import Context
from footfall.enrich.geo import GeoDatabaseError, MmdbGeo, open_geo
from footfall.names import database_name
from footfall.sessions import Policy
from footfall.settings import MINUTE_MS, Settings
from sinks.batches import load_batches
from sinks.clickhouse import connect
from sinks.live import LiveWriter
from sinks.writer import StoreWriter

logger = logging.getLogger(__name__)
FLOW_NAME = "flow"


def _geo(settings: Settings) -> MmdbGeo | None:
    """The geo database, or none: places are then empty, which is no reason to stop."""
    if settings.geo_database is None:
        return None
    try:
        return open_geo(settings.geo_database)
    except GeoDatabaseError as error:
        logger.warning("going on without places: %s", error)
        return None


class Wiring:
    """Opens each thing once and closes it again."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._control = control.open(settings.control_plane_url())
        self._layouts = {stage: self._control.log_layout(stage, n) for stage, n in settings.topics().items()}
        self._sites = SitesView(self._control.version, self._control.sites)
        self._store_writers: dict[str, StoreWriter] = {}
        self._live_writers: dict[str, LiveWriter] = {}

    def parts(self) -> Parts:
        """What `flows.app.build` takes."""
        settings = self._settings
        return Parts(
            keys=served_keys(self._layouts),
            open_reader=self._reader,
            sites=self._sites.get,
            context=Context(geo=_geo(settings)),
            policy=PartitionPolicy(
                sessions=Policy(lateness_ms=settings.lateness_ms),
                duplicate_horizon_ms=int(settings.duplicate_horizon_minutes * MINUTE_MS),
                quarantine_per_site_per_day=settings.quarantine_per_site_per_day,
            ),
            load_batches=self._load_batches,
            store_writer=self._store_writer,
            live_writer=self._live_writer,
            stop=self._stop,
            state_dir=settings.data_dir / "flow" / "sessions",
        )

    def _reader(self, stage: str) -> Reader:
        return open_log(self._settings, stage, self._layouts[stage]).reader()

    def _load_batches(self, key: PartitionKey, before_offset: int, since: int) -> Iterable[tuple[int, int]]:
        client = connect(self._settings, database=database_name(key.stage))
        try:
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
                query_prefix=f"{stage}-{FLOW_NAME}",
            )
            self._store_writers[stage] = writer
        return writer

    def _live_writer(self, stage: str) -> LiveWriter:
        writer = self._live_writers.get(stage)
        if writer is None:
            writer = LiveWriter(self._settings.redis_address(), stage)
            self._live_writers[stage] = writer
        return writer

    def close(self) -> None:
        """Close what was opened; the writers first, as they may still have rows in hand."""
        for writer in self._store_writers.values():
            writer.close()
        for live in self._live_writers.values():
            live.close()
        self._sites.close()
        self._control.close()
