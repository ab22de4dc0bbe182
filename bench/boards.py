"""How long a board's queries take, on a month of one site in the embedded store.

    python -m bench.boards [--sessions 1000000] [--runs 20]

Each session has ten events, so ten million by default; all hours and days but the last are rolled up, as the job
does it. Every measure is asked over HTTP, for ranges that end in the running hour; the time is that of both its
questions. Exit code 1 where a p95 is above the bar.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

from clickhouse_driver import Client

from footfall.names import database_name
from jobs.rollups import DAYS, HOURS, rollup
from queries.catalogue import measures
from queries.store import Store, Value
from queries.traffic import ask
from tests.fixtures.store import make_store
from tests.jobs.data import DAY, MINUTE, Bench, bench, ms, time_of

SITE, ZONE = "shop.example", "Europe/Berlin"
START = ms("2026-10-01T00:00Z")
NOW = START + 30 * DAY - 76 * MINUTE
BAR_MS = 100.0
AT_ONCE = 20_000  # sessions in one insert, which the store's memory bounds
DIMENSIONS = ("page", "channel", "source", "country", "device", "entry_page")
RANGES = {"1 hour": timedelta(hours=1), "24 hours": timedelta(hours=24), "30 days": timedelta(days=29, hours=22)}


def fill(client: Client, sessions: int) -> None:
    """Put the sessions and their events into the tables."""
    folder = Path(__file__).parent / "sql"
    statements = [(folder / f"board_{table}.sql").read_text() for table in ("sessions", "events")]
    for first in range(0, sessions, AT_ONCE):
        rows = min(AT_ONCE, sessions - first)
        values = {"site": SITE, "start": START, "span": 30 * DAY, "count": sessions, "first": first, "rows": rows}
        for statement in statements:
            client.execute(statement, values)


def roll_up(made: Bench) -> None:
    """Until nothing is left to do."""
    made.now = NOW
    made.stored_until(NOW)
    for kind in (HOURS, DAYS):
        while "more to do" in rollup(made.context(), kind):
            pass


def asked(end: datetime) -> Iterator[tuple[str, str, dict[str, Value]]]:
    """(what it is called, measure, its values)"""
    for name, length in RANGES.items():
        given: dict[str, Value] = {"site": SITE, "zone": ZONE, "start": end - length, "end": end, "rolled": "true"}
        yield f"summary, {name}", "traffic_summary", given
        step = "day" if length > timedelta(days=8) else "hour"
        yield f"series by {step}, {name}", "traffic_series", given | {"step": step}
        for dimension in DIMENSIONS:
            yield f"{dimension}, {name}", "traffic_breakdown", given | {"dimension": dimension, "limit": 10}


def timed(store: Store, measure: str, values: dict[str, Value], runs: int) -> list[float]:
    """ms of each run, after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        begun = time.perf_counter()
        ask(store, measures()[measure], values)
        times.append((time.perf_counter() - begun) * 1e3)
    return times[1:]


def main() -> int:
    """Exit code 1 above the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=20)
    given = parser.parse_args()
    above = 0
    with tempfile.TemporaryDirectory() as directory:
        server = make_store(Path(directory))
        try:
            with bench(server, Path(directory)) as made:
                made.control.add_site(SITE, now=0, timezone=ZONE)
                fill(made.client, given.sessions)
                roll_up(made)
                print(f"{given.sessions * 10:,} events, 30 days; p50 and p95 of {given.runs} in ms", flush=True)
                address = f"http://{server.host}:{server.http_port}"
                with Store(address, "reader", server.reader_password, database_name(made.stage)) as store:
                    for name, measure, values in asked(time_of(NOW)):
                        times = timed(store, measure, values, given.runs)
                        p95 = quantiles(times, n=20)[-1]
                        above += p95 > BAR_MS
                        print(f"  {name:28} {median(times):7.1f} {p95:7.1f}", flush=True)
        finally:
            server.stop()
    print(f"{above} above {BAR_MS:g} ms" if above else f"all within {BAR_MS:g} ms")
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
