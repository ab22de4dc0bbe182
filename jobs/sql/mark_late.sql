-- Visitors of late events stored since the last look.
INSERT INTO {database}.repair_list
(site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted)
SELECT site_id, visitor_id, %(until)s, min(occurred_at), max(occurred_at), count(), 0, 0
FROM {database}.events
WHERE
    late = 1
    AND log_time > fromUnixTimestamp64Milli(toInt64(%(after)s))
    AND log_time <= fromUnixTimestamp64Milli(toInt64(%(until)s))
GROUP BY site_id, visitor_id
