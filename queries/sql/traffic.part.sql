-- By `bucket` and `value` of one dimension ('' is the total): whole days and hours from the rollups; what these do
-- not have yet (the running hour), and short ranges, from events and sessions.
SELECT
    bucket, value, events, page_views, visitors, sessions, bounces, engaged_ms, duration_ms, conversions, orders,
    revenue, bot_events
FROM rollup_day_v1
WHERE site_id = site AND dimension = wanted AND bucket >= toDateTime(days_from, 'UTC') AND bucket < toDateTime(days_until, 'UTC')

UNION ALL

SELECT
    bucket, value, events, page_views, visitors, sessions, bounces, engaged_ms, duration_ms, conversions, orders,
    revenue, bot_events
FROM rollup_hour_v1
WHERE
    site_id = site AND dimension = wanted
    AND bucket >= toDateTime(head_from, 'UTC') AND bucket < toDateTime(tail_until, 'UTC')
    AND (bucket < toDateTime(head_until, 'UTC') OR bucket >= toDateTime(tail_from, 'UTC'))

UNION ALL

SELECT
    toStartOfHour(occurred_at, {zone:String}) AS bucket,
    multiIf(
        wanted = 'page', path, wanted = 'country', toString(country), wanted = 'device', toString(device_type),
        wanted = 'browser', toString(browser), wanted = 'os', toString(os), '') AS value,
    countIf(bot = '') AS events,
    countIf(bot = '' AND name IN ('page_view', 'path_change')) AS page_views,
    uniqExactStateIf(visitor_id, bot = '' AND id_kind != 'server') AS visitors,
    0 AS sessions, 0 AS bounces, 0 AS engaged_ms, 0 AS duration_ms, 0 AS conversions, 0 AS orders, 0 AS revenue,
    if(wanted = '', countIf(bot != ''), 0) AS bot_events
FROM events_v1
WHERE
    site_id = site AND NOT of_sessions AND event_day BETWEEN toDate(raw_from) - 1 AND toDate(until) + 9
    AND occurred_at >= raw_from AND occurred_at < until AND log_time >= raw_from - INTERVAL 10 MINUTE -- has an index
    AND NOT (occurred_at >= head_from AND occurred_at < head_until)
    AND NOT (occurred_at >= days_from AND occurred_at < days_until)
    AND NOT (occurred_at >= tail_from AND occurred_at < tail_until)
    AND (wanted != 'page' OR name IN ('page_view', 'path_change') AND path != '')
GROUP BY bucket, value
HAVING events > 0 OR bot_events > 0

UNION ALL

SELECT
    toStartOfHour(start_at, {zone:String}) AS bucket,
    multiIf(
        wanted = 'channel', toString(channel),
        wanted = 'source', if(utm_source != '', toString(utm_source), toString(referrer_host)),
        wanted = 'campaign', toString(utm_campaign), wanted = 'entry_page', entry_page, wanted = 'exit_page', exit_page,
        wanted = 'country', toString(country), wanted = 'device', toString(device_type),
        wanted = 'browser', toString(browser), wanted = 'os', toString(os), '') AS value,
    sumIf(t.events, of_sessions) AS events,
    sumIf(t.page_views, of_sessions) AS page_views,
    uniqExactStateIf(visitor_id, of_sessions AND id_kind != 'server') AS visitors,
    count() AS sessions,
    sum(t.is_bounce) AS bounces,
    sum(t.engaged_ms) AS engaged_ms,
    sum(t.duration_ms) AS duration_ms,
    sum(t.conversions) AS conversions,
    sum(t.orders) AS orders,
    sum(t.revenue) AS revenue,
    0 AS bot_events
FROM sessions_v1 AS t
WHERE
    site_id = site AND bot = '' AND wanted != 'page' AND start_at >= raw_from AND start_at < until
    AND NOT (start_at >= head_from AND start_at < head_until)
    AND NOT (start_at >= days_from AND start_at < days_until)
    AND NOT (start_at >= tail_from AND start_at < tail_until)
GROUP BY bucket, value
