-- The rows of the ledger were versioned by the log offset they were counted at. A restarted flow that had
-- not come as far yet, but knew of more rows stored, was then not believed: versions now grow with each
-- count, from the highest that is stored. The column keeps its name.
ALTER TABLE {database}.ledger COMMENT COLUMN IF EXISTS log_offset 'Version of the count: the highest is the newest';

CREATE OR REPLACE VIEW {database}.ledger_v1
(
    site_id       LowCardinality(String) COMMENT 'Site',
    day           Date COMMENT 'UTC day of log time',
    log_partition UInt16 COMMENT 'Partition of the event log',
    outcome       LowCardinality(String) COMMENT 'rejected, accepted, stored, duplicate, dropped or quarantined',
    reason        LowCardinality(String) COMMENT 'Why; empty where the outcome says it all',
    count         UInt64 COMMENT 'How many events, absolute',
    log_offset    UInt64 COMMENT 'Version of the count: the highest is the newest'
)
AS SELECT
    t.site_id,
    t.day,
    t.log_partition,
    t.outcome,
    t.reason,
    t.count,
    t.log_offset
FROM {database}.ledger AS t FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1
COMMENT 'What became of events: received = rejected + accepted; accepted = stored + duplicate + dropped + quarantined';
