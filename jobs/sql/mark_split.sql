-- While a log has several generations a visitor may be in partitions of each, and one visit is open in
-- two of them: visitors with two live events one after the other in time, in different partitions and
-- within a session window, of which at least one was stored since the last look. Such a pair is seen when
-- the later stored of the two is. The mark is of that row: it never meets its own done line, nor a time.
INSERT INTO {database}.repair_list
(site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted)
SELECT site_id, visitor_id, max(greatest(mark, mark_before)), min(before), max(occurred_at), count(), 0, 0
FROM
(
    SELECT
        site_id,
        visitor_id,
        occurred_at,
        log_partition,
        mark,
        row_number() OVER visitor AS place,
        lagInFrame(occurred_at) OVER visitor AS before,
        lagInFrame(log_partition) OVER visitor AS partition_before,
        lagInFrame(mark) OVER visitor AS mark_before
    FROM
    (
        WITH toInt64(toUnixTimestamp64Milli(log_time)) AS log_ms
        SELECT
            site_id,
            visitor_id,
            occurred_at,
            log_partition,
            if(
                log_ms > transform(toInt64(log_partition), %(partitions)s, %(afters)s, toInt64(-1)),
                toUInt64(log_ms) * 65536 + log_partition,
                toUInt64(0)
            ) AS mark
        FROM {database}.events
        WHERE
            {known}
            AND (site_id, visitor_id) IN
            (
                SELECT site_id, visitor_id
                FROM {database}.events
                WHERE {known}
                GROUP BY site_id, visitor_id
                HAVING min(log_partition) != max(log_partition)
            )
    )
    WINDOW visitor AS
    (
        PARTITION BY site_id, visitor_id
        ORDER BY occurred_at, log_partition
        ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
    )
)
WHERE
    place > 1
    AND log_partition != partition_before
    AND greatest(mark, mark_before) > 0
    AND occurred_at <= before + toIntervalMillisecond(%(window)s)
GROUP BY site_id, visitor_id
SETTINGS max_threads = 2, max_bytes_before_external_group_by = 100000000, max_bytes_before_external_sort = 100000000
