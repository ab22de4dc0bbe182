"""One process of a Bytewax cluster that runs the whole flow: for `bench.workers` alone.

All processes share the recovery directory; Bytewax decides which of them reads which partition.
"""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from flows.app import build
from flows.wiring import Wiring
from footfall.settings import Settings


class SharedHome(NamedTuple):
    """What a `Home` is to `Wiring`, without its lock. Each process has an id of its own, or one's
    start would end another's inserts."""

    path: Path
    id: str


def main() -> None:
    settings = Settings()
    worker, addresses = settings.worker or 0, os.environ["BENCH_ADDRESSES"].split(";")
    path = settings.data_dir / "flow"
    path.mkdir(exist_ok=True)
    if worker == 0 and not any(path.glob("*.sqlite3")):
        init_db_dir(path, 1)
    while not any(path.glob("*.sqlite3")):
        threading.Event().wait(0.05)
    home: Any = SharedHome(path, f"{worker:032x}")
    # As if it was the only one: then it has all partitions, as every process of a cluster must.
    wiring = Wiring(settings.model_copy(update={"worker": 0, "workers": 1}), threading.Event(), home)
    cli_main(
        build(wiring.parts()),
        process_id=worker,
        addresses=addresses,
        epoch_interval=timedelta(seconds=settings.epoch_seconds),
        recovery_config=RecoveryConfig(path, timedelta(0)),
    )


if __name__ == "__main__":
    main()
