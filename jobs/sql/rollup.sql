-- One site, the buckets that start at `starts` and end at `until`: every row of every dimension.
-- Of people: events, page views and visitors by when the event was; sessions and what they carry by
-- when they started. A dimension that only sessions know (channel, entry page ...) takes all from them.
INSERT INTO {table}
(
    site_id, bucket, day, dimension, value, events, page_views, visitors, sessions, bounces,
    engaged_ms, duration_ms, conversions, orders, revenue, bot_events, version, is_deleted
)
WITH %(starts)s AS starts, %(days)s AS days
SELECT
    %(site)s,
    toDateTime(intDiv(bucket_ms, 1000), 'UTC'),
    toDate(days[indexOf(starts, bucket_ms)]),
    dimension,
    value,
    sum(n_events),
    sum(n_page_views),
    uniqExactMergeState(n_visitors),
    sum(n_sessions),
    sum(n_bounces),
    sum(n_engaged_ms),
    sum(n_duration_ms),
    sum(n_conversions),
    sum(n_orders),
    sum(n_revenue),
    sum(n_bot_events),
    %(version)s,
    0
FROM
(
    SELECT
        bucket_ms,
        multiIf(
            grouping(page) = 0, 'page', grouping(country) = 0, 'country', grouping(device_type) = 0, 'device',
            grouping(browser) = 0, 'browser', grouping(os) = 0, 'os', '') AS dimension,
        multiIf(
            dimension = 'page', page, dimension = 'country', country, dimension = 'device', device_type,
            dimension = 'browser', browser, dimension = 'os', os, '') AS value,
        countIf(bot = '') AS n_events,
        countIf(bot = '' AND is_page) AS n_page_views,
        uniqExactStateIf(visitor_id, bot = '' AND id_kind != 3) AS n_visitors,
        toUInt64(0) AS n_sessions,
        toUInt64(0) AS n_bounces,
        toUInt64(0) AS n_engaged_ms,
        toUInt64(0) AS n_duration_ms,
        toUInt64(0) AS n_conversions,
        toUInt64(0) AS n_orders,
        toInt64(0) AS n_revenue,
        if(dimension = '', countIf(bot != ''), 0) AS n_bot_events
    FROM
    (
        SELECT
            roundDown(toInt64(toUnixTimestamp64Milli(occurred_at)), starts) AS bucket_ms,
            name IN ('page_view', 'path_change') AS is_page,
            if(is_page, path, '') AS page,
            toString(country) AS country,
            toString(device_type) AS device_type,
            toString(browser) AS browser,
            toString(os) AS os,
            visitor_id,
            id_kind,
            bot
        FROM {database}.events FINAL
        PREWHERE
            occurred_at >= fromUnixTimestamp64Milli(toInt64(starts[1]))
            AND occurred_at < fromUnixTimestamp64Milli(toInt64(%(until)s))
        WHERE site_id = %(site)s AND event_day BETWEEN %(first_day)s AND %(last_day)s AND withdrawn = 0
    )
    GROUP BY GROUPING SETS
    (
        (bucket_ms), (bucket_ms, page), (bucket_ms, country), (bucket_ms, device_type), (bucket_ms, browser),
        (bucket_ms, os)
    )
    HAVING dimension = '' OR (n_events > 0 AND (dimension != 'page' OR page != ''))

    UNION ALL

    SELECT
        bucket_ms,
        dimension,
        value,
        sumIf(session_events, alone) AS n_events,
        sumIf(session_page_views, alone) AS n_page_views,
        uniqExactStateIf(visitor_id, alone AND id_kind != 3) AS n_visitors,
        count() AS n_sessions,
        sum(is_bounce) AS n_bounces,
        sum(engaged_ms) AS n_engaged_ms,
        sum(duration_ms) AS n_duration_ms,
        sum(conversions) AS n_conversions,
        sum(orders) AS n_orders,
        sum(revenue) AS n_revenue,
        toUInt64(0) AS n_bot_events
    FROM
    (
        SELECT
            roundDown(toInt64(toUnixTimestamp64Milli(start_at)), starts) AS bucket_ms,
            visitor_id,
            id_kind,
            events AS session_events,
            page_views AS session_page_views,
            is_bounce, engaged_ms, duration_ms, conversions, orders, revenue,
            arrayJoin([
                ('', '', 0),
                ('channel', toString(channel), 1),
                ('source', if(utm_source != '', toString(utm_source), toString(referrer_host)), 1),
                ('campaign', toString(utm_campaign), 1),
                ('entry_page', entry_page, 1),
                ('exit_page', exit_page, 1),
                ('country', toString(country), 0),
                ('device', toString(device_type), 0),
                ('browser', toString(browser), 0),
                ('os', toString(os), 0)
            ]) AS line,
            line.1 AS dimension,
            line.2 AS value,
            line.3 AS alone
        FROM {database}.sessions FINAL
        WHERE
            site_id = %(site)s
            AND start_at >= fromUnixTimestamp64Milli(toInt64(starts[1]))
            AND start_at < fromUnixTimestamp64Milli(toInt64(%(until)s))
            AND bot = ''
    )
    GROUP BY bucket_ms, dimension, value
)
GROUP BY bucket_ms, dimension, value
SETTINGS do_not_merge_across_partitions_select_final = 1, max_threads = 2, max_bytes_before_external_group_by = 100000000
