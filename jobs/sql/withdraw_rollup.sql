-- What was in these buckets before and was not written with this version: it is gone.
INSERT INTO {table} (site_id, bucket, day, dimension, value, version, is_deleted)
SELECT site_id, bucket, day, dimension, value, %(version)s, 1
FROM {table} FINAL
WHERE site_id = %(site)s AND bucket IN %(buckets)s AND version < %(version)s
