-- Visitors of late events stored since the last look. The mark is of their own rows, so that it
-- grows with every look and never meets its own done line. The plain bounds let the index on log time work.
-- Events of nobody (visitor 0) are in no session.
INSERT INTO {database}.repair_list
(site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted)
WITH toInt64(toUnixTimestamp64Milli(log_time)) AS log_ms
SELECT site_id, visitor_id, toUInt64(max(log_ms)), min(occurred_at), max(occurred_at), count(), 0, 0
FROM {database}.events
WHERE
    late = 1
    AND visitor_id != 0
    AND log_time > fromUnixTimestamp64Milli(toInt64(%(after)s))
    AND log_time <= fromUnixTimestamp64Milli(toInt64(%(until)s))
    AND log_ms > transform(toInt64(log_partition), %(partitions)s, %(afters)s, toInt64(9000000000000000))
    AND log_ms <= transform(toInt64(log_partition), %(partitions)s, %(untils)s, toInt64(-1))
GROUP BY site_id, visitor_id
