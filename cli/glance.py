"""What `footfall top` shows of one moment: from two looks at the parts' metrics to lines of 80 characters."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct

from cli.scraping import Samples
from embedded.view import duration

MAX_PARTITIONS = 6  # so that all fits into 24 lines
EVENTS = "footfall_flow_events_total"
ENDS = ("stored", "duplicate", "dropped", "quarantined")


class Line(Struct, frozen=True):
    """One line; `alarm`: something is wrong with what it says."""

    text: str
    alarm: bool = False


class Look(Struct, frozen=True):
    """Every part's metrics at one moment; `silent` names those that did not answer."""

    at: float  # seconds since 1970
    samples: Samples
    silent: tuple[str, ...] = ()


class Glance:
    """Two looks at one stage, compared."""

    def __init__(self, stage: str, limit_s: float, before: Look, now: Look) -> None:
        self._stage = stage
        self._limit_s = limit_s
        self._before, self._look = before.samples, now.samples
        self._silent = now.silent
        self._at = now.at
        self._seconds = max(0.1, now.at - before.at)

    @property
    def well(self) -> bool:
        """Whether every part answers and what comes in arrives."""
        return not any(line.alarm for line in self.lines())

    def lines(self) -> list[Line]:
        """All of it."""
        return [self._head(), *self._quiet(), *self._flow(), *self._partitions(), *self._sinks(), *self._jobs()]

    def _head(self) -> Line:
        ages = self._heartbeat_ages().values()
        clock = time.strftime("%H:%M:%S", time.localtime(self._at))
        if not ages:
            return Line(f"{clock}  stage {self._stage}: no heartbeat is known to be in the store", alarm=True)
        oldest = max(ages)
        verdict = "LATE" if oldest > self._limit_s else "OK"
        told = (
            f"{clock}  stage {self._stage}: {verdict}, the oldest heartbeat on its way left {duration(oldest)} ago"
        )
        return Line(told, alarm=oldest > self._limit_s)

    def _quiet(self) -> list[Line]:
        return [Line(f"{part} does not answer: see `footfall status`", alarm=True) for part in self._silent]

    def _flow(self) -> list[Line]:
        lines = [Line(f"{'':<12}{'a second':>10}{'since start':>14}   by reason, since start")]
        if "gateway" not in self._silent:
            name = "footfall_gateway_received_events_total"
            refused = _reasons(self._look.by("footfall_gateway_refused_total", "error"))
            lines.append(self._row("received", name, f"requests refused: {refused}" if refused else ""))
            name = "footfall_gateway_events_total"
            reasons = _reasons(self._look.by("footfall_gateway_rejected_total", "reason"))
            lines.append(self._row("rejected", name, reasons, outcome="rejected"))
            row = self._row("not taken", name, "answered 503, will come again", outcome="not_taken")
            if self._look.sum(name, stage=self._stage, outcome="not_taken"):
                lines.append(Line(row.text, alarm=self._rate(name, outcome="not_taken") > 0))
        if "flow" not in self._silent:
            for outcome in ("accepted", *ENDS):
                reasons = _reasons(self._look.by(EVENTS, "reason", stage=self._stage, outcome=outcome))
                lines.append(self._row(outcome, EVENTS, reasons, outcome=outcome))
            lines.append(self._row("late", "footfall_flow_late_events_total", ""))
            if self._look.sum(EVENTS, stage=self._stage, outcome="lost"):
                lines.append(self._row("lost", EVENTS, "by senders, before it came", outcome="lost"))
        return lines

    def _row(self, title: str, name: str, more: str, **labels: str) -> Line:
        total = self._look.sum(name, stage=self._stage, **labels)
        return Line(f"{title:<12}{self._rate(name, **labels):>10,.1f}{total:>14,.0f}   {more}"[:80].rstrip())

    def _rate(self, name: str, **labels: str) -> float:
        grown = self._look.sum(name, stage=self._stage, **labels) - self._before.sum(
            name, stage=self._stage, **labels
        )
        return max(0.0, grown) / self._seconds  # a part that was restarted begins at 0

    def _partitions(self) -> list[Line]:
        ages = self._heartbeat_ages()
        read = self._of("footfall_flow_log_time_seconds")
        lag, points = self._of("footfall_lag_records"), self._of("footfall_flow_recovery_point_timestamp_seconds")
        opened = self._of("footfall_flow_open_sessions")
        names = sorted({*ages, *read}, key=lambda name: (-ages.get(name, 0.0), int(name)))
        if not names:
            return []
        lines = [
            Line(f"{'partition':<10}{'heartbeat':>12}{'log time':>12}{'lag':>12}{'sessions':>12}{'recovery':>12}")
        ]
        for name in names[:MAX_PARTITIONS]:
            cells = [
                _age(ages.get(name)),
                _age(self._at - read[name] if name in read else None),
                _count(lag.get(name)),
                _count(opened.get(name)),
                _age(self._at - points[name] if name in points else None),
            ]
            late = ages.get(name, 0.0) > self._limit_s
            lines.append(Line(f"{name:<10}" + "".join(f"{cell:>12}" for cell in cells), alarm=late))
        if len(names) > MAX_PARTITIONS:
            lines.append(Line(f"... and {len(names) - MAX_PARTITIONS} more, whose heartbeats are younger"))
        return lines

    def _heartbeat_ages(self) -> dict[str, float]:
        stored = self._of("footfall_stored_heartbeat_timestamp_seconds")
        return {name: max(0.0, self._at - at) for name, at in stored.items()}

    def _of(self, name: str) -> dict[str, float]:
        """Partition -> value."""
        return self._look.by(name, "partition", stage=self._stage)

    def _sinks(self) -> list[Line]:
        if "flow" in self._silent:
            return []
        flushes = self._rate("footfall_store_flush_seconds_count")
        took = self._rate("footfall_store_flush_seconds_sum") / flushes if flushes else 0.0
        rows = self._rate("footfall_store_batch_rows_sum") / flushes if flushes else 0.0
        oldest = self._look.sum("footfall_store_oldest_unflushed_seconds", stage=self._stage)
        retries = self._rate("footfall_store_retries_total")
        store = f"store     {flushes:.1f} flushes/s of {rows:,.0f} rows in {took * 1000:,.0f} ms"
        store += f"; oldest row {oldest:.1f} s"
        failed = self._rate("footfall_live_write_failures_total")
        pending = self._look.sum("footfall_live_values_pending", stage=self._stage)
        live = f"live      {self._rate('footfall_live_values_written_total'):,.1f} values/s, {pending:,.0f} wait"
        return [
            Line(store + (f"; {retries:.1f} retries/s" if retries else ""), alarm=retries > 0),
            Line(live + (", Redis does not take them" if failed else ""), alarm=failed > 0),
        ]

    def _jobs(self) -> list[Line]:
        if "jobs" in self._silent:
            return []
        visitors = self._look.sum("footfall_repair_visitors", stage=self._stage)
        oldest = self._look.sum("footfall_repair_oldest_seconds", stage=self._stage)
        waiting = f", the first for {duration(oldest)}" if visitors else ""
        lines = [Line(f"repair    {visitors:,.0f} visitors wait{waiting}")]
        for up, told in (("store", "the store does not answer"), ("log", "the log cannot be read")):
            if self._look.least(f"footfall_{up}_up", stage=self._stage) == 0:
                lines.append(Line(f"{up:<10}{told}: see `footfall doctor`", alarm=True))
        failing = {job: n for job, n in self._look.by("footfall_job_failed_runs", "job").items() if n >= 3}
        lines += [
            Line(f"job       {job} failed {n:.0f} times in a row: `footfall job list`", True)
            for job, n in failing.items()
        ]
        return lines


def _reasons(counts: dict[str, float]) -> str:
    known = sorted((-n, why) for why, n in counts.items() if why and n)
    return ", ".join(f"{why} {-n:,.0f}" for n, why in known)


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else f"{duration(max(0.0, seconds))} ago"


def _count(number: float | None) -> str:
    return "-" if number is None else f"{number:,.0f}"


def widest(lines: Sequence[Line]) -> int:
    """Characters of the longest line."""
    return max(len(line.text) for line in lines)
