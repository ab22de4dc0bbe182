"""Raw chunks to enriched chunks: decode and enrich, no state.

Bad input is a value: what cannot be decoded or breaks a step becomes `Quarantined`.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from eventlog.protocol import LogRecord
from flows.items import EnrichedChunk, EnrichedRecord, Quarantined, RawChunk
from footfall.duplicates import batch_key
from footfall.enrich import enrich
from footfall.enrich.context import Context
from footfall.enrich.redaction import redact_event
from footfall.enrich.replays import leave_out, withdrawals
from footfall.ids import derived_uuid7
from footfall.names import QuarantineReason, Source
from footfall.record import DecodeError, Record, decode, encode
from footfall.sites import Site

SiteLookup = Callable[[str], Site | None]
MAX_PAYLOAD = 64 * 1024


def enrich_chunk(chunk: RawChunk, sites: SiteLookup, context: Context) -> EnrichedChunk:
    """Every record of the chunk, enriched."""
    return EnrichedChunk(chunk.key, [enrich_record(raw, sites, context) for raw in chunk.records])


def enrich_record(raw: LogRecord, sites: SiteLookup, context: Context) -> EnrichedRecord:
    """One log record; never raises for what is in it."""
    try:
        record = decode(raw.value)
    except DecodeError as error:
        result = EnrichedRecord(raw.offset, raw.log_time)
        reason = QuarantineReason.UNDECODABLE
        # What cannot be read cannot be redacted either: it stays in the log, from where a
        # replay by a newer version reads it.
        result.quarantined.append(Quarantined("", reason, str(error), b""))
        result.accepted = 1
        return result
    if record.kind == "heartbeat":
        return EnrichedRecord(raw.offset, raw.log_time, heartbeat_at=record.received_at)
    result = EnrichedRecord(raw.offset, raw.log_time, record.site_id, accepted=len(record.events), raw=raw.value)
    if record.replay is not None:
        result.replayed = True  # its batch and what was rejected were counted when it first came
        result.accepted -= len(record.replay.left_out)
    else:
        result.rejected, result.lost = record.rejected, record.lost
        if record.batch_id and record.source != Source.REPLAY:
            result.batch_key = batch_key(record.batch_id)
    if record.kind == "quarantine":
        _quarantine_whole(result, record)
    elif record.events:
        _enrich_events(result, record, sites(record.site_id), context)
    return result


def _quarantine_whole(result: EnrichedRecord, record: Record) -> None:
    """What an importer could not read: one item, already redacted."""
    known = {reason.value for reason in QuarantineReason}
    reason = QuarantineReason(record.reason) if record.reason in known else QuarantineReason.UNDECODABLE
    result.accepted = 1
    result.quarantined.append(Quarantined(record.site_id, reason, "", record.payload[:MAX_PAYLOAD]))


def _enrich_events(result: EnrichedRecord, record: Record, site: Site | None, context: Context) -> None:
    if site is None:
        for index in range(len(record.events)):
            result.quarantined.append(
                _quarantined_event(record, index, QuarantineReason.UNKNOWN_SITE, "add the site, then replay")
            )
        return
    events = record.events
    enriched = enrich(record, site, context)
    if record.replay is not None:
        enriched = leave_out(enriched, set(record.replay.left_out))
        result.withdrawn = withdrawals(enriched, context)
    result.batch = enriched.batch
    result.dropped = [reason for _, reason in enriched.dropped]
    for index, step, message in enriched.failed:
        single = msgspec.structs.replace(record, events=[events[index]])
        detail = f"{step}: {message}"
        result.quarantined.append(_quarantined_event(single, 0, QuarantineReason.STEP_FAILED, detail, index))


def _quarantined_event(
    record: Record, place: int, reason: QuarantineReason, detail: str, index: int | None = None
) -> Quarantined:
    """One event in a record of its own, redacted: its bytes can be appended to the log again.

    It gets a batch id of its own, so that its replay is no duplicate of the batch it came in
    (but a second replay is one).
    """
    event = redact_event(record.events[place])
    batch_id = derived_uuid7(record.received_at, record.batch_id, event.event_id)
    told = {"rejected": {}, "lost": 0, "replay": None}  # of the whole record: counted with it
    single = msgspec.structs.replace(record, events=[event], batch_id=batch_id, **told)
    payload = encode(single)
    return Quarantined(record.site_id, reason, detail[:500], payload, place if index is None else index)
