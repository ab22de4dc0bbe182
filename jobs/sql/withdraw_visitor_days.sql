-- Who was there on these days before and was not written with this version: they are gone.
INSERT INTO {table} (site_id, day, visitor_id, version, is_deleted)
SELECT site_id, day, visitor_id, %(version)s, 1
FROM {table} FINAL
WHERE site_id = %(site)s AND day IN %(dates)s AND version < %(version)s
