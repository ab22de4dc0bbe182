"""What the flow would have stored, and what repair is to come to: sort all events, split them, fold."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime
from typing import Any

from footfall.enrich.batch import INTERNAL, Device, Geo, Traffic
from footfall.sessions.facts import Fact, Who
from footfall.sessions.row import SessionRow
from footfall.sessions.shard import Policy, SessionShard
from footfall.sites import Site
from sinks.insert import insert_block
from sinks.native import StringPieces
from sinks.session_block import encode_sessions
from tests.jobs.data import DAY, MINUTE, Bench, event, ms

SITE = "shop.example"
START = ms("2026-03-10T08:00Z")
WINDOW, LATENESS = 30 * MINUTE, 10 * MINUTE


def live(made: Bench, events: list[dict[str, Any]], until: int) -> None:
    """What the flow would have written for the events that are not late."""
    site: Site = made.control.site(SITE)
    shard = SessionShard(Policy(lateness_ms=LATENESS))
    rows: list[SessionRow] = []
    for row in sorted((e for e in events if not e["late"]), key=lambda e: e["log_time"]):
        log_time = milli(row["log_time"])
        shard.absorb(site, row["visitor_id"], who_of(row), [fact_of(row)], log_time)
        rows += shard.advance(log_time)
    rows += shard.advance(until)
    if rows:
        insert_block(made.client, f"footfall_{made.stage}", "sessions", encode_sessions(rows, StringPieces()))


def milli(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def fact_of(row: dict[str, Any]) -> Fact:
    traffic = Traffic(row["channel"], "", "", row["utm_source"]) if row["channel"] else INTERNAL
    return Fact(
        milli(row["occurred_at"]), row["event_id"], row["name"], row["host"], row["path"], traffic,
        row["engaged_ms"], row["revenue"], (), row["source"] != 1,
    )  # fmt: skip


def who_of(row: dict[str, Any]) -> Who:
    device = Device(type=row["device_type"], browser=row["browser"], os=row["os"])
    return Who(site_id=SITE, id_kind=1, device=device, geo=Geo(country=row["country"]), bot=row["bot"])


def sort_and_split(events: list[dict[str, Any]], window: int = WINDOW) -> set[tuple[Any, ...]]:
    """Sessions worked out independently: sort, split at gaps, cut what is longer than a day."""
    by_visitor: dict[int, dict[bytes, dict[str, Any]]] = defaultdict(dict)
    for row in events:
        by_visitor[row["visitor_id"]][row["event_id"]] = row
    found = set()
    for visitor, rows in by_visitor.items():
        ordered = sorted(rows.values(), key=lambda r: (r["occurred_at"], r["event_id"]))
        runs: list[list[dict[str, Any]]] = []
        for row in ordered:
            if runs and milli(row["occurred_at"]) - milli(runs[-1][-1]["occurred_at"]) <= window:
                runs[-1].append(row)
            else:
                runs.append([row])
        for run in runs:
            found |= _rows(visitor, run)
    return found


def _rows(visitor: int, run: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    parts = [run]
    if milli(run[-1]["occurred_at"]) - milli(run[0]["occurred_at"]) > DAY:
        days = sorted({r["occurred_at"].date() for r in run})
        parts = [[r for r in run if r["occurred_at"].date() == day] for day in days]
    out = set()
    for part in parts:
        if all(r["source"] == 1 for r in part):
            continue
        pages = [r["path"] for r in part if r["name"] == "page_view"]
        out.add(
            (visitor, milli(part[0]["occurred_at"]), milli(part[-1]["occurred_at"]), len(part), len(pages),
             tuple(pages[:100]), sum(r["revenue"] for r in part if r["name"] == "purchase"), part[0]["bot"])
        )  # fmt: skip
    return out


def stored(made: Bench) -> set[tuple[Any, ...]]:
    rows = made.rows(
        """
        SELECT visitor_id, toInt64(toUnixTimestamp64Milli(start_at)), toInt64(toUnixTimestamp64Milli(end_at)),
               events, page_views, pages, revenue, toString(bot)
        FROM sessions FINAL WHERE is_closed
        """
    )
    assert len({row[:2] for row in rows}) == len(rows)
    return {(*row[:5], tuple(row[5]), *row[6:]) for row in rows}


def history(seed: int, visitors: int = 40, count: int = 900, span: int = 3 * DAY) -> list[dict[str, Any]]:
    """Clicks in bursts, a fifth of them late by up to two days, some events twice."""
    rnd = random.Random(seed)
    events: list[dict[str, Any]] = []
    for _ in range(count):
        visitor = rnd.randrange(1, visitors)
        # Bursts, so that runs come about; visitor 1 never pauses.
        at = START + rnd.randrange(span // WINDOW) * WINDOW + rnd.randrange(2 * WINDOW)
        if visitor == 1:
            at = START + len(events) * 13 * MINUTE % span
        delay = rnd.choice([0, 0, 0, MINUTE, rnd.randrange(LATENESS, 2 * DAY)])
        events.append(
            event(SITE, visitor, at, rnd.choice(["page_view", "click", "purchase"]), log_time=at + delay,
                  path=rnd.choice(["/", "/a"]), revenue=rnd.randrange(9), bot="spider" if visitor == 2 else "",
                  source=1 if visitor == 3 else 0)
        )  # fmt: skip
    return events
