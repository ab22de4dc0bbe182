-- Every visitor of a site in a range of time: a new goal, for example, is applied to history so.
INSERT INTO {database}.repair_list
(site_id, visitor_id, mark, first_at, last_at, events, version, is_deleted)
SELECT site_id, visitor_id, %(mark)s, min(occurred_at), max(occurred_at), count(), 0, 0
FROM {database}.events
WHERE
    site_id = %(site)s
    AND visitor_id != 0
    AND occurred_at >= fromUnixTimestamp64Milli(toInt64(%(first)s))
    AND occurred_at < fromUnixTimestamp64Milli(toInt64(%(end)s))
GROUP BY site_id, visitor_id
