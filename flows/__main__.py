"""`python -m flows`: run the dataflow until told to stop (SIGTERM, SIGINT)."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import timedelta
from types import FrameType

from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from control import ControlError
from eventlog.protocol import LogDamaged, OffsetLost
from flows.app import build
from flows.garbage import collect_seldom
from flows.state_file import StateLost
from flows.wiring import Wiring
from footfall.settings import Settings
from sinks.clickhouse import StoreUnreachableError
from sinks.writer import LogReplaced, StoreBehind

logger = logging.getLogger("flows")

EXPECTED = (OffsetLost, LogDamaged, StateLost, StoreBehind, LogReplaced, StoreUnreachableError, ControlError)


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
    if not any(recovery.glob("*.sqlite3")):
        recovery.mkdir(parents=True, exist_ok=True)
        init_db_dir(recovery, 1)
    wiring = Wiring(settings, stop)
    collect_seldom()
    try:
        cli_main(
            build(wiring.parts()),
            epoch_interval=timedelta(seconds=settings.epoch_seconds),
            recovery_config=RecoveryConfig(recovery, timedelta(0)),
        )
    except BytewaxRuntimeError as error:
        return _tell(error)
    finally:
        wiring.close()
    return 0


def _tell(error: BaseException) -> int:
    """One line for what a person can mend, everything for what is a bug."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(cause, EXPECTED):
        logger.error("stopped: %s", cause)
    else:
        logger.error("stopped by a fault", exc_info=error)
    return 1


if __name__ == "__main__":
    sys.exit(main())
