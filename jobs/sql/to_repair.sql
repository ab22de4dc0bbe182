-- The next visitors of a site whose events are old enough, by their first event.
SELECT
    visitor_id,
    toInt64(toUnixTimestamp64Milli(min(first_at))) AS first_ms,
    toInt64(toUnixTimestamp64Milli(max(last_at))) AS last_ms,
    sum(events),
    groupArray(mark)
FROM {database}.repair_list FINAL
WHERE site_id = %(site)s
GROUP BY visitor_id
HAVING last_ms < %(ready)s AND (first_ms, visitor_id) > (%(after_ms)s, %(after_visitor)s)
ORDER BY first_ms, visitor_id
LIMIT %(limit)s
