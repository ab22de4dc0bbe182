-- One site, the days that start at `starts` and end at `until`. A visitor who was a person at any time
-- of the day counts as one, with what they did as one; a bot's line is kept apart by its `bot` column.
INSERT INTO {table}
(
    site_id, day, visitor_id, id_kind, first_seen, sessions, events, page_views, engaged_ms,
    conversions, orders, revenue, bot, version, is_deleted
)
WITH %(starts)s AS starts, %(days)s AS days
SELECT
    %(site)s,
    toDate(days[indexOf(starts, bucket_ms)]),
    visitor_id,
    argMin(n_id_kind, bot),
    argMin(n_first_seen, bot),
    argMin(n_sessions, bot),
    argMin(n_events, bot),
    argMin(n_page_views, bot),
    argMin(n_engaged_ms, bot),
    argMin(n_conversions, bot),
    argMin(n_orders, bot),
    argMin(n_revenue, bot),
    min(bot),
    %(version)s,
    0
FROM
(
    SELECT
        bucket_ms,
        visitor_id,
        bot,
        max(id_kind) AS n_id_kind,
        min(first_seen) AS n_first_seen,
        sum(sessions) AS n_sessions,
        sum(events) AS n_events,
        sum(page_views) AS n_page_views,
        sum(engaged_ms) AS n_engaged_ms,
        sum(conversions) AS n_conversions,
        sum(orders) AS n_orders,
        sum(revenue) AS n_revenue
    FROM
    (
        SELECT
            roundDown(toInt64(toUnixTimestamp64Milli(occurred_at)), starts) AS bucket_ms,
            visitor_id,
            toString(bot) AS bot,
            id_kind,
            occurred_at AS first_seen,
            0 AS sessions,
            1 AS events,
            name IN ('page_view', 'path_change') AS page_views,
            0 AS engaged_ms,
            0 AS conversions,
            0 AS orders,
            toInt64(0) AS revenue
        FROM {database}.events FINAL
        PREWHERE
            occurred_at >= fromUnixTimestamp64Milli(toInt64(starts[1]))
            AND occurred_at < fromUnixTimestamp64Milli(toInt64(%(until)s))
        WHERE site_id = %(site)s AND event_day BETWEEN %(first_day)s AND %(last_day)s AND withdrawn = 0 AND id_kind != 3

        UNION ALL

        SELECT
            roundDown(toInt64(toUnixTimestamp64Milli(start_at)), starts) AS bucket_ms,
            visitor_id,
            toString(bot) AS bot,
            id_kind,
            start_at AS first_seen,
            1 AS sessions,
            0 AS events,
            0 AS page_views,
            engaged_ms,
            conversions,
            orders,
            revenue
        FROM {database}.sessions FINAL
        WHERE
            site_id = %(site)s
            AND start_at >= fromUnixTimestamp64Milli(toInt64(starts[1]))
            AND start_at < fromUnixTimestamp64Milli(toInt64(%(until)s))
            AND id_kind != 3
    )
    GROUP BY bucket_ms, visitor_id, bot
)
GROUP BY bucket_ms, visitor_id
SETTINGS do_not_merge_across_partitions_select_final = 1, max_threads = 2, max_bytes_before_external_group_by = 100000000
