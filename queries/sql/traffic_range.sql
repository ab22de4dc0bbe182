-- title: What of a range is rolled up
-- about: Eight moments, as the parameter `range` of the measures that read rollups: where the range begins; from where to where whole days are rolled up (none where `step` is hour, which asks for hours), hours before them, and hours after them; and the first moment that is not, so that no more is read of events than has to be. Ranges longer than 7 days begin at midnight of the zone, those longer than 6 hours at a full hour; shorter ones are read from events as quickly. `rolled` is for the zone of the site, by which rollups are cut.
-- reads: rollup_state
-- column range: UTC: since, days from, days until, head from, head until, tail from, tail until, raw from
WITH
    dateDiff('second', {start:DateTime64(3, 'UTC')}, {end:DateTime64(3, 'UTC')}) AS span,
    multiIf(
        span > 7 * 86400, toDateTime64(toStartOfDay({start:DateTime64(3, 'UTC')}, {zone:String}), 3, 'UTC'),
        span > 6 * 3600, toDateTime64(toStartOfHour({start:DateTime64(3, 'UTC')}, {zone:String}), 3, 'UTC'),
        {start:DateTime64(3, 'UTC')}) AS since
SELECT
    [
        since, days_from, days_until, head_from, head_until, tail_from, tail_until,
        multiIf(
            since < head_from, since, head_until < days_from, head_until, days_until < tail_from, days_until,
            tail_until)
    ] AS range
FROM
(
    SELECT
        days_from,
        days_until,
        arrayFilter(hour -> hour.1 < days_from, hours) AS head,
        arrayFilter(hour -> hour.1 >= days_until, hours) AS tail,
        if(empty(head), since, arrayMin(head.1)) AS head_from,
        if(empty(head), since, arrayMax(head.2)) AS head_until,
        if(empty(tail), days_until, arrayMin(tail.1)) AS tail_from,
        if(empty(tail), days_until, arrayMax(tail.2)) AS tail_until
    FROM
    (
        SELECT
            groupArrayIf((begins, ends), kind = 'hour') AS hours,
            ifNull(minOrNullIf(begins, kind = 'day'), since) AS days_from,
            ifNull(maxOrNullIf(ends, kind = 'day'), since) AS days_until
        FROM
        (
            SELECT
                kind,
                toDateTime64(bucket, 3, 'UTC') AS begins,
                toDateTime64(
                    if(kind = 'day', addDays(toStartOfDay(bucket, {zone:String}), 1), addHours(bucket, 1)),
                    3, 'UTC') AS ends
            FROM rollup_state FINAL
            WHERE
                site_id = {site:String} AND {rolled:Bool} AND span > 6 * 3600
                AND (kind = 'hour' OR {step:String} != 'hour') AND bucket >= since
        )
        WHERE ends <= {end:DateTime64(3, 'UTC')}
    )
)
