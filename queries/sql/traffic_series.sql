-- title: Visitors, sessions and page views over time
-- about: One row for an hour or a day of the zone in which something was; `step` is hour or day. Without bots.
-- reads: rollup_day_v1, rollup_hour_v1, events_v1, sessions_v1
-- column time: UTC: beginning of the hour or day
-- column visitors: people: each once in the hour or day
-- column sessions: sessions: that began in it
-- column page_views: pages: shown
-- column bounces: sessions: with one page view or none, no goal, and less than 10 s of engagement
-- column orders: orders: purchases
-- column revenue: money: in the currency of the site
WITH
    '' AS wanted,
    wanted IN ('channel', 'source', 'campaign', 'entry_page', 'exit_page') AS of_sessions,
{{range}}
SELECT
    toTimeZone(if({step:String} = 'day', toStartOfDay(bucket, {zone:String}), bucket), 'UTC') AS time,
    uniqExactMerge(visitors) AS visitors,
    sum(sessions) AS sessions,
    sum(page_views) AS page_views,
    sum(bounces) AS bounces,
    sum(orders) AS orders,
    sum(revenue) AS revenue
FROM
(
{{traffic}}
)
GROUP BY time
ORDER BY time
