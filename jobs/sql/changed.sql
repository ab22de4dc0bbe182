-- Quarters of an hour (every zone's hours and days start at one) touched since `after`, and when last.
SELECT site_id, slot, max(touched) AS last_touched
FROM
(
    SELECT site_id, toStartOfFifteenMinutes(occurred_at) AS slot, max(log_time) AS touched
    FROM {database}.events
    WHERE
        log_time > fromUnixTimestamp64Milli(toInt64(%(after)s))
        AND log_time <= fromUnixTimestamp64Milli(toInt64(%(until)s))
    GROUP BY site_id, slot

    UNION ALL

    SELECT site_id, toStartOfFifteenMinutes(start_at) AS slot, max(log_time) AS touched
    FROM {database}.sessions
    WHERE
        log_time > fromUnixTimestamp64Milli(toInt64(%(after)s))
        AND log_time <= fromUnixTimestamp64Milli(toInt64(%(until)s))
    GROUP BY site_id, slot
)
GROUP BY site_id, slot
