"""`python -m flows`: run the dataflow until told to stop (SIGTERM, SIGINT)."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path
from types import FrameType

from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main
from prometheus_client import REGISTRY

from control import ControlError
from eventlog.protocol import LogDamaged, LogUnreachable, OffsetLost, WrongLogError
from flows.app import build
from flows.bundle import BundleLost
from flows.claims import ClaimLost
from flows.faults import TooManyFailed
from flows.garbage import collect_seldom
from flows.home import Home, HomeTaken, home_path
from flows.ownership import StateElsewhere
from flows.recovery_store import UnknownRecoveryStore
from flows.room import no_room, ran_out_of_room, wait_for_room
from flows.state_file import StateLost
from flows.wiring import Wiring
from footfall.names import EXIT_AGAIN
from footfall.settings import Settings
from objects.protocol import ObjectStoreError
from sinks.clickhouse import StoreUnreachableError
from sinks.writer import LogReplaced, StoreBehind
from telemetry.logs import set_up_logs
from telemetry.serving import serve_metrics

logger = logging.getLogger("flows")

EXPECTED = (
    OffsetLost, LogDamaged, LogUnreachable, WrongLogError, StateLost, StoreBehind, LogReplaced,
    StoreUnreachableError, ControlError, HomeTaken, StateElsewhere, BundleLost, ClaimLost, UnknownRecoveryStore,
    ObjectStoreError, TooManyFailed,
)  # fmt: skip


def main() -> int:
    """Exit code 0 after an orderly stop, `EXIT_AGAIN` if it is to go on with other partitions of the
    log; a fault ends the process so that it is restarted."""
    settings = Settings()
    set_up_logs("flow", settings)
    stop = threading.Event()

    def request_stop(number: int, _frame: FrameType | None) -> None:
        logger.info("signal %d: finishing what is in hand", number)
        stop.set()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    if settings.worker is None and settings.workers > 1:
        logger.error("stopped: say which of the %d workers this is: set FOOTFALL_WORKER", settings.workers)
        return 1
    path = home_path(settings.data_dir, settings.worker or 0)
    path.mkdir(parents=True, exist_ok=True)
    if not wait_for_room(path, stop):
        return 0
    try:
        home = Home(path)
    except HomeTaken as error:
        logger.error("stopped: %s", error)
        return 1
    try:
        return _run(settings, stop, home)
    except Exception as error:  # noqa: BLE001 - `_tell` logs it, a bug with its traceback; the process ends
        return _tell(error, path)
    finally:
        home.close()


def _run(settings: Settings, stop: threading.Event, home: Home) -> int:
    wiring = Wiring(settings, stop, home)
    port = settings.flow_metrics_port and settings.flow_metrics_port + (settings.worker or 0)
    stop_metrics = serve_metrics(settings.metrics_host, port, "FOOTFALL_FLOW_METRICS_PORT")
    try:
        wiring.claim()
        home.store.make()
        parts = wiring.parts()
        REGISTRY.register(parts.stats)
        collect_seldom()
        cli_main(
            build(parts),
            epoch_interval=timedelta(seconds=settings.epoch_seconds),
            recovery_config=RecoveryConfig(home.path, timedelta(0)),
        )
    except RuntimeError as error:
        if not isinstance(_cause(error), StoreBehind):
            raise
        logger.warning("%s. Started again, the flow goes on from there", _cause(error))
        wiring.forget()
        return 1
    finally:
        wiring.close()
        stop_metrics()
    if wiring.lost:
        return 1
    return EXIT_AGAIN if wiring.watch.ended_flow else 0


def _tell(error: BaseException, recovery: Path) -> int:
    """One line for what a person can mend, everything for what is a bug."""
    cause = _cause(error)
    if isinstance(cause, EXPECTED):
        logger.error("stopped: %s", cause)
    elif ran_out_of_room(error):
        logger.error("stopped: %s", no_room(recovery, shutil.disk_usage(recovery).free))
    else:
        logger.error("stopped by a fault", exc_info=error)
    return 1


def _cause(error: BaseException) -> BaseException:
    """What a person can mend, where that is the reason; else the first reason of all."""
    while error.__cause__ is not None and not isinstance(error, EXPECTED):
        error = error.__cause__
    return error


if __name__ == "__main__":
    sys.exit(main())
