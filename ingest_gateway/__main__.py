"""`python -m ingest_gateway`: one gateway process, settings from the environment."""

from __future__ import annotations

import asyncio
import logging
import sys

from control import ControlError
from eventlog.protocol import LogUnreachable, WrongLogError
from footfall.settings import Settings
from ingest_gateway.listening import PortTakenError
from ingest_gateway.scripts import ScriptsError
from ingest_gateway.server import serve
from telemetry.logs import set_up_logs

logger = logging.getLogger(__name__)


def main() -> int:
    """Serve until told to stop."""
    settings = Settings()
    set_up_logs("gateway", settings)
    try:
        return asyncio.run(serve(settings))
    except (PortTakenError, ControlError, LogUnreachable, WrongLogError, ScriptsError) as error:
        logger.error("stopped: %s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
