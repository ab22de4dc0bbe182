SELECT count()
FROM {database}.events
WHERE
    site_id = %(site)s
    AND event_day BETWEEN %(first_day)s AND %(last_day)s
    AND visitor_id IN %(visitors)s
