-- What sessions need to know of these visitors' events.
SELECT
    visitor_id,
    toInt64(toUnixTimestamp64Milli(occurred_at)),
    hex(event_id),
    toString(name),
    toString(host),
    path,
    engaged_ms,
    revenue,
    toString(currency),
    source,
    late,
    {props},
    toString(channel),
    toString(referrer_host),
    referrer,
    toString(utm_source),
    toString(utm_medium),
    toString(utm_campaign),
    toString(utm_term),
    toString(utm_content),
    toString(click_id),
    id_kind,
    toString(device_type),
    toString(browser),
    toString(os),
    toString(country),
    toString(region),
    toString(city),
    toString(language),
    toString(bot)
FROM {database}.events
WHERE
    site_id = %(site)s
    AND event_day BETWEEN %(first_day)s AND %(last_day)s
    AND visitor_id IN %(visitors)s
    AND occurred_at >= fromUnixTimestamp64Milli(toInt64(%(first)s))
    AND occurred_at < fromUnixTimestamp64Milli(toInt64(%(end)s))
