-- Events of people by site and window, imports and replays apart; `firsts` and `ends` are UTC milliseconds.
SELECT site_id, arrayFirstIndex((first, end) -> at >= first AND at < end, firsts, ends) AS place, count()
FROM
(
    SELECT site_id, toUnixTimestamp64Milli(occurred_at) AS at, %(firsts)s AS firsts, %(ends)s AS ends
    FROM {database}.events
    WHERE event_day IN %(days)s AND site_id IN %(sites)s AND source IN (0, 1) AND bot = ''
)
WHERE place > 0
GROUP BY site_id, place
