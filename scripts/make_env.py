"""`make env`: random passwords for docker-compose.yml, in a file that only you can read."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

# Letters and digits only: some of them become part of a URL.
PASSWORDS = (
    "CLICKHOUSE_FOOTFALL_PASSWORD",
    "CLICKHOUSE_READER_PASSWORD",
    "CONTROL_PASSWORD",
    "GRAFANA_ADMIN_PASSWORD",
    "OBJECTS_SECRET_KEY",
    "POSTGRES_PASSWORD",
    "VALKEY_PASSWORD",
)


def write(path: Path) -> None:
    """Make the file; `FileExistsError` where there is one: its passwords are in use."""
    lines = ["# Made by `make env`; never commit it."]
    lines += [f"{name}={secrets.token_hex(24)}" for name in PASSWORDS]
    lines += ["OBJECTS_ACCESS_KEY=footfall", f"KAFKA_CLUSTER_ID={secrets.token_urlsafe(16)}"]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def main() -> int:
    """Write `.env` here; the exit code."""
    path = Path(".env")
    try:
        write(path)
    except FileExistsError:
        print(f"{path.absolute()} is there already, and the servers know its passwords: it is left as it is")
        return 1
    print(f"{path.absolute()} written; docker compose reads it by itself")
    return 0


if __name__ == "__main__":
    sys.exit(main())
