"""The jobs process: `python -m jobs`. SIGTERM ends it after the step it is at."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys

from prometheus_client import REGISTRY

from control.copying import require_restored
from control.errors import ControlError
from control.plane import open as open_control
from footfall.settings import Settings
from jobs.job import JobContext
from jobs.metrics import Seen
from jobs.registry import JOBS
from jobs.runner import Runner
from telemetry.logs import set_up_logs
from telemetry.serving import serve_metrics


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    settings = Settings.model_validate({})
    set_up_logs("jobs", settings)
    log = logging.getLogger("jobs")
    try:
        control = open_control(settings.control_plane_url())
        require_restored(control)
    except ControlError as error:
        log.error("stopped: %s", error)
        return 1
    context = JobContext(settings=settings, control=control)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: context.stop.set())
    REGISTRY.register(Seen(settings, control, JOBS))
    stop_metrics = serve_metrics(settings.metrics_host, settings.jobs_metrics_port, "FOOTFALL_JOBS_METRICS_PORT")
    try:
        Runner(JOBS, context, f"{socket.gethostname()}:{os.getpid()}").run_forever()
    except ControlError as error:
        # It is full, or away. Without leases nothing may run; what was due is made up for later.
        log.error("stopped: %s", error)
        return 1
    finally:
        stop_metrics()
        control.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
