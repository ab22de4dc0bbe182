-- Sessions of ten events, with pages, sources and places that are skewed as real ones are; every number is a hash of its place, so the same counts give the same rows.
INSERT INTO sessions
(
    site_id, session_id, visitor_id, id_kind, start_at, end_at, duration_ms, engaged_ms, entry_page, exit_page, pages,
    page_views, events, is_bounce, hostname, channel, referrer_host, utm_source, utm_medium, utm_campaign, device_type,
    browser, os, country, region, city, language, goals, conversions, orders, revenue, version, is_closed, log_time
)
WITH
    cityHash64(number, 1) AS h,
    number AS place,
    toInt64(%(start)s) + intDiv(number * %(span)s, %(count)s) AS at_ms,
    h %% 100 AS luck,
    bitShiftRight(h, 8) %% 100 AS buy,
    arrayMap(n -> concat('/p/', toString(toUInt32(2000 * pow((cityHash64(place, n, 3) %% 10000) / 10000, 3)))), range(8)) AS shown
SELECT
    %(site)s, h, cityHash64(intDiv(bitShiftRight(h, 20) %% 1000000 * (bitShiftRight(h, 40) %% 1000), 1000), 7), if(luck < 60, 1, 0),
    fromUnixTimestamp64Milli(at_ms), fromUnixTimestamp64Milli(at_ms + 9 * 20000), 180000, 20000 + h %% 90000,
    shown[1], shown[8], shown, 8, 10, luck < 5, %(site)s,
    ['Direct', 'Organic Search', 'Referral', 'Email', 'Paid Search', 'Organic Social'][1 + h %% 6],
    ['', 'google.com', 'news.example', '', 'google.com', 't.co'][1 + h %% 6],
    ['', '', '', 'letter', 'google', ''][1 + h %% 6], ['', '', '', 'email', 'cpc', ''][1 + h %% 6],
    if(h %% 6 IN (3, 4), 'campaign ' || toString(bitShiftRight(h, 12) %% 40), ''),
    ['desktop', 'mobile', 'mobile', 'tablet'][1 + bitShiftRight(h, 3) %% 4], ['Chrome', 'Safari', 'Firefox', 'Edge'][1 + bitShiftRight(h, 5) %% 4],
    ['Windows', 'Android', 'iOS', 'macOS'][1 + bitShiftRight(h, 7) %% 4],
    ['DE', 'FR', 'US', 'GB', 'CH', 'NP', 'JP', 'BR'][1 + bitShiftRight(h, 9) %% 8], 'R' || toString(bitShiftRight(h, 9) %% 64),
    'C' || toString(bitShiftRight(h, 9) %% 1024), ['de', 'fr', 'en', 'ja'][1 + bitShiftRight(h, 9) %% 4],
    if(buy < 3, ['bought'], []), buy < 3, buy < 3, if(buy < 3, 10000 * (10 + h %% 190), 0), 1, 1,
    fromUnixTimestamp64Milli(at_ms)
FROM (SELECT number FROM numbers(%(first)s, %(rows)s))
