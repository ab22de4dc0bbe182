-- The ten events of each session; every number is a hash of its place, so the same counts give the same rows.
INSERT INTO events
(
    site_id, event_day, name, event_id, occurred_at, received_at, visitor_id, id_kind, consent, host, path, channel,
    referrer_host, device_type, browser, os, country, region, city, language, screen_width, screen_height, engaged_ms,
    scroll_depth, search_term, order_id, revenue, currency, vital_name, vital_value, log_partition, log_offset, log_time
)
WITH
    intDiv(number, 10) AS place,
    number %% 10 AS n,
    cityHash64(place, 1) AS h,
    toInt64(%(start)s) + intDiv(place * %(span)s, %(count)s) + n * 20000 AS at_ms,
    h %% 100 AS luck,
    bitShiftRight(h, 8) %% 100 AS buy,
    multiIf(n < 8, if(n = 0, 'page_view', 'path_change'), n = 8 AND buy < 3, 'purchase', n = 8, 'click', luck < 50,
        'web_vital', 'page_leave') AS called
SELECT
    %(site)s, toDate(fromUnixTimestamp64Milli(at_ms)), called,
    unhex(concat(leftPad(lower(hex(toUInt64(at_ms))), 12, '0'), '7', substring(lower(hex(number)), 2, 3), 'b',
        substring(leftPad(lower(hex(cityHash64(number))), 16, '0'), 2, 15))) AS id,
    fromUnixTimestamp64Milli(at_ms), fromUnixTimestamp64Milli(at_ms),
    cityHash64(intDiv(bitShiftRight(h, 20) %% 1000000 * (bitShiftRight(h, 40) %% 1000), 1000), 7), if(luck < 60, 1, 0), if(luck < 60, 3, 0),
    %(site)s, concat('/p/', toString(toUInt32(2000 * pow((cityHash64(place, n, 3) %% 10000) / 10000, 3)))), if(n = 0, ['Direct', 'Organic Search', 'Referral', 'Email', 'Paid Search', 'Organic Social'][1 + h %% 6], ''),
    if(n = 0, ['', 'google.com', 'news.example', '', 'google.com', 't.co'][1 + h %% 6], ''),
    ['desktop', 'mobile', 'mobile', 'tablet'][1 + bitShiftRight(h, 3) %% 4], ['Chrome', 'Safari', 'Firefox', 'Edge'][1 + bitShiftRight(h, 5) %% 4],
    ['Windows', 'Android', 'iOS', 'macOS'][1 + bitShiftRight(h, 7) %% 4],
    ['DE', 'FR', 'US', 'GB', 'CH', 'NP', 'JP', 'BR'][1 + bitShiftRight(h, 9) %% 8], 'R' || toString(bitShiftRight(h, 9) %% 64),
    'C' || toString(bitShiftRight(h, 9) %% 1024), ['de', 'fr', 'en', 'ja'][1 + bitShiftRight(h, 9) %% 4],
    [1920, 390, 412, 1440][1 + bitShiftRight(h, 3) %% 4], [1080, 844, 915, 900][1 + bitShiftRight(h, 3) %% 4],
    if(called = 'page_leave', 20000 + h %% 90000, 0), if(called = 'page_leave', h %% 100, 0), '',
    if(called = 'purchase', 'o' || toString(place), ''), if(called = 'purchase', 10000 * (10 + h %% 190), 0),
    if(called = 'purchase', 'EUR', ''), if(called = 'web_vital', ['LCP', 'INP', 'CLS'][1 + h %% 3], ''),
    if(called = 'web_vital', [2400, 180, 0.08][1 + h %% 3] * (0.5 + bitShiftRight(h, 13) %% 100 / 100), 0),
    h %% 2, number, fromUnixTimestamp64Milli(at_ms)
FROM (SELECT number FROM numbers(%(first)s * 10, %(rows)s * 10))
