-- What the pipeline knows besides events: who is who, what was set aside, and how it all adds up.
CREATE TABLE IF NOT EXISTS {database}.identities
(
    site_id    LowCardinality(String) COMMENT 'Site',
    visitor_id UInt64 COMMENT 'Pseudonymous visitor',
    user_id    String CODEC(ZSTD(3)) COMMENT 'User the visitor was identified as',
    since      DateTime64(3, 'UTC') COMMENT 'From when on',
    stored_at  DateTime('UTC') DEFAULT now() COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (site_id, visitor_id, user_id, since)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Which visitor is which user; read identities_v1';

CREATE TABLE IF NOT EXISTS {database}.quarantine
(
    site_id        LowCardinality(String) COMMENT 'Site; empty where unknown',
    quarantined_at DateTime64(3, 'UTC') COMMENT 'Log time at which it was set aside',
    reason         LowCardinality(String) COMMENT 'Why it could not be processed',
    detail         String CODEC(ZSTD(3)) COMMENT 'What exactly was wrong',
    payload        String CODEC(ZSTD(3)) COMMENT 'The input, redacted: what a replay starts from',
    log_partition  UInt16 COMMENT 'Partition of the event log',
    log_offset     UInt64 COMMENT 'Offset of its record',
    log_index      UInt16 COMMENT 'Place in the record'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(quarantined_at)
ORDER BY (site_id, quarantined_at, log_partition, log_offset, log_index)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Input that could not be processed, redacted; read quarantine_v1';

CREATE TABLE IF NOT EXISTS {database}.ledger
(
    site_id       LowCardinality(String) COMMENT 'Site',
    day           Date COMMENT 'UTC day of log time',
    log_partition UInt16 COMMENT 'Partition of the event log',
    outcome       LowCardinality(String) COMMENT 'rejected, accepted, stored, duplicate, dropped or quarantined',
    reason        LowCardinality(String) COMMENT 'Why; empty where the outcome says it all',
    count         UInt64 COMMENT 'How many events, absolute',
    log_offset    UInt64 COMMENT 'Next offset of the partition when counted: the highest counts'
)
ENGINE = ReplacingMergeTree(log_offset)
PARTITION BY toYYYYMM(day)
ORDER BY (site_id, day, log_partition, outcome, reason)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Absolute counts of what became of events; read ledger_v1';

CREATE TABLE IF NOT EXISTS {database}.progress
(
    log_partition UInt16 COMMENT 'Partition of the event log',
    log_offset    UInt64 COMMENT 'Next offset: all below it is stored',
    log_time      DateTime64(3, 'UTC') COMMENT 'Log time up to which all is stored',
    heartbeat_at  DateTime64(3, 'UTC') COMMENT 'When the gateway made the last heartbeat that is stored',
    stored_at     DateTime64(3, 'UTC') COMMENT 'When this row was written'
)
ENGINE = ReplacingMergeTree(log_offset)
ORDER BY log_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'How far each log partition is stored; written after the rows it speaks of';
