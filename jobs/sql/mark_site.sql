-- Everything of a site is to be computed anew.
INSERT INTO {database}.rollup_dirty (site_id, slot, kind, mark, version, is_deleted)
SELECT DISTINCT site_id, slot, %(kind)s, %(mark)s, 0, 0
FROM
(
    SELECT site_id, toStartOfFifteenMinutes(occurred_at) AS slot FROM {database}.events WHERE site_id = %(site)s
    UNION ALL
    SELECT site_id, toStartOfFifteenMinutes(start_at) AS slot FROM {database}.sessions WHERE site_id = %(site)s
)
