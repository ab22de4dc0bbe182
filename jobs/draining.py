"""Older generations of a log that grew: left, then drained, or not.

One is *left* when nobody has written to it for a minute: from then on the flow looks up in the store
no more than what is from before that. It is *drained* when nobody has for so long that all that was
written can be forgotten: no session of its visitors is open, nothing of it is on its way into the
store, and a batch that is sent again is too old for the memory of batches anyway. Then gateways send it
no heartbeats, the flow reads it no more, and its topic is of no use.

What writes to it is seen in the log itself. Each heartbeat says where its gateway's events go; one that
names the older generation, or does not know of any, is of a gateway that may write to it, however
long it has been cut off. A record that comes after all makes the generation be served again.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import msgspec
from clickhouse_driver import Client
from msgspec import Struct

from eventlog.opening import is_generation_made, open_generation
from eventlog.protocol import LogRecord, LogUnreachable, OffsetLost, Reader, WrongLogError
from footfall.generations import SINCE_EVER, Generation, Layout
from footfall.record import DecodeError, decode
from jobs.job import JobContext
from jobs.marking import marked_until
from jobs.scope import widest_window
from jobs.stored import has_tables, stored_by_partition, stored_offsets

logger = logging.getLogger(__name__)

LEAVE_MS = 60_000
BEATS = 6  # heartbeats that a gateway would have sent meanwhile, which has not left
SLACK_MS = 600_000  # for clocks of gateways and brokers, and for what is late in coming
MAX_RECORDS = 5_000  # more since the last look: it is in use, whatever they are
MAX_BYTES = 8 * 1024 * 1024


class Heard(Struct, kw_only=True, omit_defaults=True):
    """What is known of one generation."""

    positions: dict[int, int] = {}  # partition (of its own) -> up to where its records were looked at
    heard_at: int = 0  # log time (ms) of the last record that is no heartbeat of somebody who has left


def drain(context: JobContext) -> str:
    """Look at every older generation; what was found, in words."""
    told = [line for stage in context.stages for line in _drain_stage(context, stage)]
    return "; ".join(told) or "no log has an older generation"


def drained_from(context: JobContext, stage: str, layout: Layout, generation: Generation) -> int:
    """The log time (ms) at which it is drained if nobody writes to it any more."""
    return _until(context, layout, generation, _load(context, stage).get(generation.number, Heard()))


def _drain_stage(context: JobContext, stage: str) -> list[str]:
    layout = context.layout(stage)
    older = [one for one in layout.generations if one.number < layout.newest.number]
    if not older:
        return []
    client = context.store(stage)
    try:
        if not has_tables(client):
            return []
        known, told = _load(context, stage), []
        for generation in older:
            context.check()
            heard = known.setdefault(generation.number, Heard())
            told += _drain(context, stage, layout, generation, heard, client)
        context.control.set_cursor(_cursor(stage), msgspec.json.encode(known).decode())
        return told
    finally:
        client.disconnect()


def _drain(
    context: JobContext, stage: str, layout: Layout, generation: Generation, heard: Heard, client: Client
) -> list[str]:
    name = f"{stage}: generation {generation.number}"
    before = heard.heard_at
    if generation.is_drained:
        if _is_past_retention(context, generation) or not _look(context, stage, generation, heard):
            return []
        if heard.heard_at > before:
            context.control.mark_drained(stage, generation.number, now=0)
            logger.warning("%s was drained and is written to again: it is served as before", name)
            return [f"{name} is written to again"]
        return [f"{name} is drained"]
    if not _look(context, stage, generation, heard):
        return [f"{name} cannot be read"]
    left_at = _left_at(context, generation, heard, client)
    if left_at != generation.left_at:
        context.control.mark_left(stage, generation.number, left_at)
    until = _until(context, layout, generation, heard)
    # What repair has looked at is stored in all tables; its list of visits to join is complete then.
    marked = marked_until(context, stage)
    over = all(marked.get(number, 0) > until for number in layout.partitions)
    if not over or not _is_stored(client, generation, heard):
        at = datetime.fromtimestamp(until / 1000, UTC)
        return [f"{name} is drained from {at:%Y-%m-%d %H:%M:%S} UTC on if nobody writes to it"]
    context.control.mark_drained(stage, generation.number, now=context.now_ms())
    logger.info("%s is drained", name)
    return [f"{name} is drained"]


def _left_at(context: JobContext, generation: Generation, heard: Heard, client: Client) -> int:
    """The log time (ms) after which nobody wrote to it; 0 where that is not certain yet. Gateways that
    have left it send heartbeats on, so that its log time goes on."""
    times = stored_by_partition(client)
    quiet_ms = min(times.get(number, 0) for number in generation.numbers) - heard.heard_at
    enough_ms = max(LEAVE_MS, BEATS * int(context.settings.heartbeat_seconds * 1000))
    return max(heard.heard_at, SINCE_EVER) if quiet_ms > enough_ms else 0


def _is_stored(client: Client, generation: Generation, heard: Heard) -> bool:
    """Whether all that was looked at is."""
    offsets = stored_offsets(client)
    return all(offsets.get(generation.first + own, 0) >= position for own, position in heard.positions.items())


def _is_past_retention(context: JobContext, generation: Generation) -> bool:
    """Whether the log has deleted by now whatever was in it when it was drained."""
    return context.now_ms() > generation.drained_at + int(context.settings.log_retention_hours * 3_600_000)


def _look(context: JobContext, stage: str, generation: Generation, heard: Heard) -> bool:
    """Look at what came since the last time; False where it cannot be read, or is no more."""
    if not is_generation_made(context.settings, stage, generation):
        return False  # the local log would make it anew
    try:
        reader = open_generation(context.settings, stage, generation).reader()
    except (LogUnreachable, WrongLogError) as error:
        logger.debug("generation %d of %s: %s", generation.number, stage, error)
        return False
    try:
        for own in range(generation.partitions):
            _look_at(reader, own, generation, heard)
    except (LogUnreachable, OffsetLost) as error:
        logger.warning("generation %d of stage %s cannot be read: %s", generation.number, stage, error)
        return False
    finally:
        reader.close()
    return True


def _look_at(reader: Reader, own: int, generation: Generation, heard: Heard) -> None:
    first, end = reader.bounds(own)
    offset = max(first, heard.positions.get(own, 0))
    if own not in heard.positions or offset > end or end - offset > MAX_RECORDS:
        # Not looked at yet (or that was another log), or much in use: what counts is when that was.
        offset = max(first, end - 1)
        if end > first:
            newest = reader.read(own, offset, 1, 1)
            if not newest:
                raise LogUnreachable(f"partition {own} ends at {end}, but does not hand out its last record")
            heard.heard_at = max(heard.heard_at, newest[0].log_time)
    while offset < end:
        records = reader.read(own, offset, MAX_RECORDS, MAX_BYTES)
        if not records:
            break  # the rest is on its way here
        offset = records[-1].offset + 1
        times = [found.log_time for found in records if not _has_left(found, generation)]
        heard.heard_at = max([heard.heard_at, *times])
    heard.positions[own] = offset


def _has_left(found: LogRecord, generation: Generation) -> bool:
    """Whether it is the heartbeat of a gateway whose events go to a newer generation."""
    try:
        record = decode(found.value)
    except DecodeError:
        return False
    return record.kind == "heartbeat" and record.generation > generation.number


def _until(context: JobContext, layout: Layout, generation: Generation, heard: Heard) -> int:
    """The log time (ms) by which it has been quiet for long enough."""
    left_at = layout.generations[generation.number].opened_at  # the next one's
    return max(heard.heard_at, left_at) + _quiet_ms(context)


def _quiet_ms(context: JobContext) -> int:
    """For how long nothing may have come: until sessions are closed and no retry is recognised by its batch."""
    settings = context.settings
    windows = [widest_window(site) for site in context.control.sites().by_id.values()]
    closing = max(windows, default=0) + settings.lateness_ms
    return max(closing, int(settings.duplicate_horizon_minutes * 60_000)) + SLACK_MS


def _cursor(stage: str) -> str:
    return f"drain:{stage}"


def _load(context: JobContext, stage: str) -> dict[int, Heard]:
    text = context.control.cursor(_cursor(stage))
    return msgspec.json.decode(text, type=dict[int, Heard]) if text else {}
