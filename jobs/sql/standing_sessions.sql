-- The rows of these visitors' sessions, withdrawn ones too.
SELECT
    visitor_id,
    session_id,
    toInt64(toUnixTimestamp64Milli(start_at)) AS start_ms,
    max(generation),
    argMax(is_deleted, version),
    argMax(is_closed, version),
    toInt64(toUnixTimestamp64Milli(argMax(end_at, version)))
FROM {database}.sessions
WHERE
    site_id = %(site)s
    AND visitor_id IN %(visitors)s
    AND start_at >= fromUnixTimestamp64Milli(toInt64(%(first)s))
    AND start_at < fromUnixTimestamp64Milli(toInt64(%(end)s))
GROUP BY visitor_id, session_id, start_ms
