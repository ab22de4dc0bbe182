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

from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from prometheus_client import REGISTRY

from control import ControlError
from eventlog.protocol import LogDamaged, LogUnreachable, OffsetLost, WrongLogError
from flows.alone import hold_alone
from flows.app import build
from flows.garbage import collect_seldom
from flows.room import no_room, ran_out_of_room, wait_for_room
from flows.state_file import StateLost
from flows.wiring import Wiring
from footfall.settings import Settings
from sinks.clickhouse import StoreUnreachableError
from sinks.writer import LogReplaced, StoreBehind
from telemetry.serving import serve_metrics

logger = logging.getLogger("flows")

EXPECTED = (
    OffsetLost, LogDamaged, LogUnreachable, WrongLogError, StateLost, StoreBehind, LogReplaced,
    StoreUnreachableError, ControlError,
)  # fmt: skip


def main() -> int:
    """Exit code 0 after an orderly stop; a fault ends the process so that it is restarted."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = Settings()
    stop = threading.Event()

    def request_stop(number: int, _frame: FrameType | None) -> None:
        logger.info("signal %d: finishing what is in hand", number)
        stop.set()

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    recovery = settings.data_dir / "flow"
    recovery.mkdir(parents=True, exist_ok=True)
    if not hold_alone(recovery):
        logger.error("stopped: another flow runs on %s; stop it, or set FOOTFALL_DATA_DIR", settings.data_dir)
        return 1
    if not wait_for_room(recovery, stop):
        return 0
    if not any(recovery.glob("*.sqlite3")):
        init_db_dir(recovery, 1)
    try:
        wiring = Wiring(settings, stop)
    except ControlError as error:
        logger.error("stopped: %s", error)
        return 1
    parts = wiring.parts()
    REGISTRY.register(parts.stats)
    stop_metrics = serve_metrics(settings.metrics_host, settings.flow_metrics_port, "FOOTFALL_FLOW_METRICS_PORT")
    collect_seldom()
    try:
        cli_main(
            build(parts),
            epoch_interval=timedelta(seconds=settings.epoch_seconds),
            recovery_config=RecoveryConfig(recovery, timedelta(0)),
        )
    except RuntimeError as error:  # a BytewaxRuntimeError, or its recovery file cannot be written
        return _tell(error, recovery)
    finally:
        wiring.close()
        stop_metrics()
    return 0


def _tell(error: BaseException, recovery: Path) -> int:
    """One line for what a person can mend, everything for what is a bug."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, EXPECTED):
        logger.error("stopped: %s", cause)
    elif ran_out_of_room(error):
        logger.error("stopped: %s", no_room(recovery, shutil.disk_usage(recovery).free))
    else:
        logger.error("stopped by a fault", exc_info=error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
