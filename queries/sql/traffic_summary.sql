-- title: Visitors, sessions and what they did
-- about: One row for the range. Visitors are those who did something in it; sessions and what they carry count where they began. Without bots.
-- reads: rollup_day_v1, rollup_hour_v1, events_v1, sessions_v1
-- column visitors: people: each once in the range; by a daily id once a day
-- column sessions: sessions: that began in the range
-- column page_views: pages: shown
-- column events: events: of all kinds
-- column bounces: sessions: with one page view or none, no goal, and less than 10 s of engagement
-- column bounce_rate: share: of the sessions; null where there are none
-- column pages_per_session: pages: null where there are no sessions
-- column engaged_ms: ms: in view and active, on average of a session; null where there are none
-- column conversions: events: that reached a goal
-- column orders: orders: purchases
-- column revenue: money: in the currency of the site
-- column bot_events: events: of bots, which nothing else here counts
WITH
    '' AS wanted,
    wanted IN ('channel', 'source', 'campaign', 'entry_page', 'exit_page') AS of_sessions,
{{range}}
SELECT
    uniqExactMerge(visitors) AS visitors,
    sum(sessions) AS sessions,
    sum(page_views) AS page_views,
    sum(events) AS events,
    sum(bounces) AS bounces,
    if(sessions = 0, NULL, bounces / sessions) AS bounce_rate,
    if(sessions = 0, NULL, page_views / sessions) AS pages_per_session,
    if(sessions = 0, NULL, sum(engaged_ms) / sessions) AS engaged_ms,
    sum(conversions) AS conversions,
    sum(orders) AS orders,
    sum(revenue) AS revenue,
    sum(bot_events) AS bot_events
FROM
(
{{traffic}}
)
