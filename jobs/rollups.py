"""Rollups: closed hours and days, computed from `events` and `sessions`, never incremented.

A bucket is computed when log time has passed its end, and again when something in it
changed: events or sessions stored since the last look (by log time, up to which all is
known to be stored), or sessions made anew by repair (`rollup_dirty`). The running hour
and day are not rolled up: readers take them from the base tables, as any bucket that has
no row in `rollup_state`.

Exact at any crash: a bucket's rows carry one version; new ones are written, then what
was there before and is no more is withdrawn, then the bucket counts as computed. Until
the pass is through, the cursor stays, and the pass is made again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import msgspec
from clickhouse_driver import Client
from clickhouse_driver.errors import ErrorCodes, ServerException
from msgspec import Struct

from footfall.sites import Sites
from jobs.buckets import DAYS, HOURS, Bucket, Kind, bucket_of, in_groups
from jobs.job import JobContext
from jobs.stored import has_tables, run, stored_until

BUDGET_S = 20.0  # then other jobs get their turn
# An event is filed under the day of its id, at most a day off, or of its receipt, up to 7 days later.
DAY_BEFORE, DAYS_AFTER = 1, 9

__all__ = ["DAYS", "HOURS", "rollup"]

Mark = tuple[str, datetime, int]


class Position(Struct, kw_only=True, omit_defaults=True):
    """Where a kind of rollup has got to, in one stage."""

    done: int = 0  # log time, ms: everything stored up to here is counted
    until: int = 0  # log time of a pass that is not through; 0: none
    version: int = 0  # the last one given to rows
    zones: dict[str, str] = {}  # the time zone each site's buckets were cut by


def rollup(context: JobContext, kind: Kind) -> str:
    """One pass over every stage; says how many buckets were computed."""
    count = sum(_rollup_stage(context, stage, kind) for stage in context.stages)
    return f"{count} {kind.name}s computed" + (", more to do" if context.again else "")


def _rollup_stage(context: JobContext, stage: str, kind: Kind) -> int:
    client = context.store(stage)
    try:
        if not has_tables(client):
            return 0
        return _Pass(context, stage, kind, client).make()
    finally:
        client.disconnect()


class _Pass:
    """One look at what changed, and its consequences."""

    def __init__(self, context: JobContext, stage: str, kind: Kind, client: Client) -> None:
        self.context, self.stage, self.kind, self.client = context, stage, kind, client
        self.cursor = f"rollup:{stage}:{kind.name}"
        text = context.control.cursor(self.cursor)
        self.position = msgspec.json.decode(text, type=Position) if text else Position()

    def make(self) -> int:
        """The number of buckets computed."""
        position = self.position
        resumed = position.until > 0
        position.until = position.until or stored_until(self.client, lambda: self.context.layout(self.stage))
        # After the look at how far all is stored: now it is on this replica too.
        self.context.sync(self.client, self.stage, "events", "sessions", "rollup_dirty", "rollup_state")
        sites = self.context.control.sites()
        self._recut(sites)
        marks = self._marks()
        if position.until <= position.done and not marks:
            return 0
        position.until = max(position.until, position.done)
        buckets = self._dirty(sites, marks)
        if resumed:
            self._leave_out_computed(buckets, marks, sites)
        count = self._compute_all(buckets, marks)
        if self.context.again:
            return count
        self._withdraw_marks(marks)
        position.done, position.until = position.until, 0
        self._save()
        return count

    def _save(self) -> None:
        self.context.control.set_cursor(self.cursor, msgspec.json.encode(self.position).decode())

    def _marks(self) -> list[Mark]:
        sql = "SELECT site_id, slot, mark FROM rollup_dirty FINAL WHERE kind = %(kind)s"
        rows: list[Mark] = self.client.execute(sql, {"kind": self.kind.name})
        return rows

    def _dirty(self, sites: Sites, marks: list[Mark]) -> dict[str, set[Bucket]]:
        position, kind = self.position, self.kind
        buckets: dict[str, set[Bucket]] = defaultdict(set)
        oldest = position.until - kind.keep_ms if kind.keep_ms else 0

        def add(site_id: str, slot: datetime, touched: int) -> None:
            site = sites.get(site_id)
            if site is None:
                return
            bucket = bucket_of(_ms(slot), site.timezone, kind)
            # Closed by now, and either changed since the last look or not closed then.
            if oldest <= bucket.end <= position.until and max(touched, bucket.end) > position.done:
                buckets[site_id].add(bucket)

        after = position.done
        if self._some_bucket_closed(sites):
            after = max(0, after - kind.longest_ms)
        for site_id, slot, touched in run(
            self.client, "changed", self.stage, {"after": after, "until": position.until}
        ):
            add(site_id, slot, _ms(touched))
        for site_id, slot, _ in marks:
            add(site_id, slot, position.until + 1)
        return buckets

    def _some_bucket_closed(self, sites: Sites) -> bool:
        """Whether a bucket of any zone ended since the last look."""
        zones = {site.timezone for site in sites.by_id.values()}
        position = self.position
        return any(bucket_of(position.done, zone, self.kind).end <= position.until for zone in zones)

    def _recut(self, sites: Sites) -> None:
        """A site whose time zone was changed has other hours and days: all are made anew."""
        zones = {site.site_id: site.timezone for site in sites.by_id.values()}
        known = self.position.zones
        if zones == known:
            return
        for site_id, timezone in zones.items():
            if known.get(site_id, timezone) != timezone:
                mark = self.context.now_ms()
                values = {"site": site_id, "kind": self.kind.name, "mark": mark}
                run(self.client, "mark_site", self.stage, values)
                self._withdraw_site(site_id)
        self.position.zones = zones
        self._save()

    def _leave_out_computed(self, buckets: dict[str, set[Bucket]], marks: list[Mark], sites: Sites) -> None:
        """What the pass that was broken off has computed already, marks apart."""
        sql = """
            SELECT site_id, bucket FROM rollup_state FINAL
            WHERE kind = %(kind)s AND log_time >= fromUnixTimestamp64Milli(toInt64(%(until)s))
        """
        values = {"kind": self.kind.name, "until": self.position.until}
        computed = {(site_id, _ms(start)) for site_id, start in self.client.execute(sql, values)}
        for site_id, slot, _ in marks:
            if (site := sites.get(site_id)) is not None:
                computed.discard((site_id, bucket_of(_ms(slot), site.timezone, self.kind).start))
        for site_id in buckets:
            buckets[site_id] = {b for b in buckets[site_id] if (site_id, b.start) not in computed}

    def _compute_all(self, buckets: dict[str, set[Bucket]], marks: list[Mark]) -> int:
        total = sum(map(len, buckets.values()))
        if not total:
            return 0
        # Kept before it is used: a version is never given to two different contents.
        self.position.version = max(self.context.now_ms(), self.position.version + 1)
        self._save()
        count, deadline = 0, time.monotonic() + BUDGET_S
        for site_id in sorted(buckets):
            for group in in_groups(buckets[site_id], self.kind.at_once):
                self.context.check()
                if count and time.monotonic() > deadline:
                    self.context.again = True
                    return count
                self._compute_in_memory(site_id, group)
                self._withdraw_marks(_within(marks, site_id, group))
                count += len(group)
                self.context.progress(count, total)
        return count

    def _compute_in_memory(self, site_id: str, group: list[Bucket]) -> None:
        """In as many queries as the memory of the store calls for."""
        try:
            self._compute(site_id, group)
        except ServerException as error:
            if error.code != ErrorCodes.MEMORY_LIMIT_EXCEEDED or len(group) == 1:
                raise
            middle = len(group) // 2
            self._compute_in_memory(site_id, group[:middle])
            self._compute_in_memory(site_id, group[middle:])

    def _compute(self, site_id: str, group: list[Bucket]) -> None:
        """Write, withdraw what is gone, then say so."""
        first = date.fromisoformat(group[0].day) - timedelta(days=DAY_BEFORE)
        last = date.fromisoformat(group[-1].day) + timedelta(days=DAYS_AFTER)
        buckets = [datetime.fromtimestamp(bucket.start / 1000, UTC) for bucket in group]
        values = {
            "site": site_id,
            "buckets": _times(buckets),
            "dates": [date.fromisoformat(bucket.day) for bucket in group],
            "starts": [bucket.start for bucket in group],
            "days": [bucket.day for bucket in group],
            "until": group[-1].end,
            "first_day": first,
            "last_day": last,
            "version": self.position.version,
        }
        run(self.client, "rollup", self.stage, values, table=self.kind.table)
        # What was just written must not be missed: the connection may be one to another replica by now.
        self.context.sync(self.client, self.stage, self.kind.table)
        run(self.client, "withdraw_rollup", self.stage, values, table=self.kind.table)
        if self.kind.name == "day":
            run(self.client, "visitor_days", self.stage, values, table="visitor_days")
            self.context.sync(self.client, self.stage, "visitor_days")
            run(self.client, "withdraw_visitor_days", self.stage, values, table="visitor_days")
        self.client.execute(
            "INSERT INTO rollup_state (site_id, kind, bucket, version, log_time, computed_at) VALUES",
            [
                (site_id, self.kind.name, bucket, self.position.version, _time(self.position.until), _time(now))
                for now in [self.context.now_ms()]
                for bucket in buckets
            ],
        )

    def _withdraw_site(self, site_id: str) -> None:
        """Everything of a site whose days and hours are now other ones."""
        version = max(self.context.now_ms(), self.position.version + 1)
        self.position.version = version
        self._save()
        sql = """
            INSERT INTO {table} (site_id, bucket, day, dimension, value, version, is_deleted)
            SELECT site_id, bucket, day, dimension, value, %(version)s, 1 FROM {table} FINAL
            WHERE site_id = %(site)s
        """.replace("{table}", self.kind.table)
        self.client.execute(sql, {"site": site_id, "version": version})
        if self.kind.name == "day":
            self.client.execute(
                """
                INSERT INTO visitor_days (site_id, day, visitor_id, version, is_deleted)
                SELECT site_id, day, visitor_id, %(version)s, 1 FROM visitor_days FINAL
                WHERE site_id = %(site)s
                """,
                {"site": site_id, "version": version},
            )
        sql = "DELETE FROM rollup_state WHERE site_id = %(site)s AND kind = %(kind)s"
        self.client.execute(sql, {"site": site_id, "kind": self.kind.name})

    def _withdraw_marks(self, marks: list[Mark]) -> None:
        if marks:
            rows = [(site_id, slot, self.kind.name, mark, 1, 1) for site_id, slot, mark in marks]
            columns = "site_id, slot, kind, mark, version, is_deleted"
            self.client.execute(f"INSERT INTO rollup_dirty ({columns}) VALUES", rows)


def _within(marks: list[Mark], site_id: str, group: list[Bucket]) -> list[Mark]:
    start, end = group[0].start, group[-1].end
    return [mark for mark in marks if mark[0] == site_id and start <= _ms(mark[1]) < end]


def _times(moments: list[datetime]) -> list[str]:
    """As the store reads them in a list of literals."""
    return [f"{moment:%Y-%m-%d %H:%M:%S}" for moment in moments]


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
