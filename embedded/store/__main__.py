"""`python -m embedded.store`: serve a data directory until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from footfall.settings import Settings
from telemetry.logs import set_up_logs

from .serve import serve
from .startup import StartupError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m embedded.store", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="where everything is kept")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="native protocol (default: %(default)s)")
    parser.add_argument("--http-port", type=int, default=8123, help="HTTP (default: %(default)s)")
    return parser.parse_args()


def main() -> int:
    """Run the store; returns the exit code."""
    arguments = _arguments()
    set_up_logs("store", Settings(data_dir=arguments.data_dir))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(arguments.data_dir.resolve(), arguments.host, arguments.port, arguments.http_port, stop)
    except StartupError as error:
        print(f"store: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
