-- What sessions need to know of these visitors' events, of every replay: jobs/facts.py takes the latest.
-- (FINAL would read and compare all other visitors' events as well.)
SELECT
    visitor_id,
    toInt64(toUnixTimestamp64Milli(occurred_at)),
    hex(event_id),
    CAST(name, 'String'),
    CAST(host, 'String'),
    path,
    engaged_ms,
    revenue,
    CAST(currency, 'String'),
    source,
    late,
    {props},
    CAST(channel, 'String'),
    CAST(referrer_host, 'String'),
    referrer,
    CAST(utm_source, 'String'),
    CAST(utm_medium, 'String'),
    CAST(utm_campaign, 'String'),
    CAST(utm_term, 'String'),
    CAST(utm_content, 'String'),
    CAST(click_id, 'String'),
    id_kind,
    CAST(device_type, 'String'),
    CAST(browser, 'String'),
    CAST(os, 'String'),
    CAST(country, 'String'),
    CAST(region, 'String'),
    CAST(city, 'String'),
    CAST(language, 'String'),
    CAST(bot, 'String'),
    replay,
    withdrawn
FROM {database}.events
WHERE
    site_id = %(site)s
    AND event_day BETWEEN %(first_day)s AND %(last_day)s
    AND visitor_id IN %(visitors)s
    AND occurred_at >= fromUnixTimestamp64Milli(toInt64(%(first)s))
    AND occurred_at < fromUnixTimestamp64Milli(toInt64(%(end)s))
