"""`python -m ingest_gateway`: one gateway process, settings from the environment."""

from __future__ import annotations

import asyncio
import logging
import sys

from control import ControlError
from eventlog.protocol import LogUnreachable, WrongLogError
from footfall.settings import Settings
from ingest_gateway.server import PortTakenError, serve


def main() -> int:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(serve(Settings()))
    except (PortTakenError, ControlError, LogUnreachable, WrongLogError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
