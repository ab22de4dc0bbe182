-- title: Visitors, sessions and page views by page, source, place or device
-- about: The values of one dimension with most visitors: page, channel, source, campaign, entry_page, exit_page, country, device, browser or os. Empty is what is not known. Without bots.
-- reads: rollup_day_v1, rollup_hour_v1, events_v1, sessions_v1
-- column value: text: of the dimension
-- column visitors: people: each once in the range
-- column sessions: sessions: that began in the range; none for pages
-- column page_views: pages: shown
-- column bounces: sessions: with one page view or none, no goal, and less than 10 s of engagement
-- column orders: orders: purchases
-- column revenue: money: in the currency of the site
-- column share: share: of the visitors of all values, a visitor of two values counted twice
WITH
    {dimension:String} AS wanted,
    wanted IN ('channel', 'source', 'campaign', 'entry_page', 'exit_page') AS of_sessions,
{{range}}
SELECT
    value,
    uniqExactMerge(visitors) AS visitors,
    sum(sessions) AS sessions,
    sum(page_views) AS page_views,
    sum(bounces) AS bounces,
    sum(orders) AS orders,
    sum(revenue) AS revenue,
    visitors / sum(visitors) OVER () AS share
FROM
(
{{traffic}}
)
GROUP BY value
HAVING visitors > 0 OR sessions > 0
ORDER BY visitors DESC, page_views DESC, value
LIMIT {limit:UInt32}
