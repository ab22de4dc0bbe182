-- The ledger tells what senders say they lost, in neither of its sums; and what replays became, since 0009.
CREATE OR REPLACE VIEW {database}.ledger_v1
(
    site_id       LowCardinality(String) COMMENT 'Site',
    day           Date COMMENT 'UTC day of log time',
    log_partition UInt16 COMMENT 'Partition of the event log',
    outcome       LowCardinality(String) COMMENT 'rejected, accepted, stored, duplicate, dropped, quarantined; apart from the sums: replayed, lost (by the sender, before it came)',
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
