-- Which items of the quarantine were put into the log again. A table of its own, as the flow may write an
-- item once more after a restart.
CREATE TABLE IF NOT EXISTS {database}.quarantine_replays
(
    log_partition UInt16 COMMENT 'Partition of the quarantined item',
    log_offset    UInt64 COMMENT 'Offset of its record',
    log_index     UInt16 COMMENT 'Place in the record',
    replayed_at   DateTime('UTC') DEFAULT now() COMMENT 'When it was put into the log again'
)
ENGINE = ReplacingMergeTree(replayed_at)
ORDER BY (log_partition, log_offset, log_index)
TTL replayed_at + toIntervalDay(400)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Quarantined items that were replayed';
