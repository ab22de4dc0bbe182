-- Computed from events and sessions, never incremented. A recomputed bucket is written with a higher version;
-- values that are gone from it are withdrawn with is_deleted = 1.
CREATE TABLE IF NOT EXISTS {database}.rollup_hour
(
    site_id     LowCardinality(String) COMMENT 'Site',
    bucket      DateTime('UTC') COMMENT 'Start of the hour in the time zone of the site, as a UTC instant',
    day         Date COMMENT 'Day in the time zone of the site',
    dimension   LowCardinality(String) COMMENT 'What it is cut by; empty: the total',
    value       String CODEC(ZSTD(3)) COMMENT 'Value of the dimension',
    events      UInt64 CODEC(ZSTD(1)) COMMENT 'Events of people',
    page_views  UInt64 CODEC(ZSTD(1)) COMMENT 'Pages shown',
    visitors    AggregateFunction(uniqExact, UInt64) CODEC(ZSTD(1)) COMMENT 'Visitors: uniqExactMerge(visitors) counts them',
    sessions    UInt64 CODEC(ZSTD(1)) COMMENT 'Sessions that started in the hour',
    bounces     UInt64 CODEC(ZSTD(1)) COMMENT 'Of these, bounces',
    engaged_ms  UInt64 CODEC(ZSTD(1)) COMMENT 'Engaged time summed, ms',
    duration_ms UInt64 CODEC(ZSTD(1)) COMMENT 'Duration of the sessions summed, ms',
    conversions UInt64 CODEC(ZSTD(1)) COMMENT 'Events that reached a goal',
    orders      UInt64 CODEC(ZSTD(1)) COMMENT 'Purchases',
    revenue     Int64 CODEC(ZSTD(1)) COMMENT 'Revenue in the currency of the site; ten-thousandths in the table',
    bot_events  UInt64 CODEC(ZSTD(1)) COMMENT 'Events of bots, in no other measure',
    version     UInt64 CODEC(ZSTD(1)) COMMENT 'The highest version of a row counts',
    is_deleted  UInt8 CODEC(ZSTD(1)) COMMENT '1: withdrawn',
    computed_at DateTime('UTC') DEFAULT now() COMMENT 'When it was computed'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(day)
ORDER BY (site_id, dimension, bucket, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Measures per hour; read rollup_hour_v1';

CREATE TABLE IF NOT EXISTS {database}.rollup_day
(
    site_id     LowCardinality(String) COMMENT 'Site',
    bucket      DateTime('UTC') COMMENT 'Start of the day in the time zone of the site, as a UTC instant',
    day         Date COMMENT 'Day in the time zone of the site',
    dimension   LowCardinality(String) COMMENT 'What it is cut by; empty: the total',
    value       String CODEC(ZSTD(3)) COMMENT 'Value of the dimension',
    events      UInt64 CODEC(ZSTD(1)) COMMENT 'Events of people',
    page_views  UInt64 CODEC(ZSTD(1)) COMMENT 'Pages shown',
    visitors    AggregateFunction(uniqExact, UInt64) CODEC(ZSTD(1)) COMMENT 'Visitors: uniqExactMerge(visitors) counts them',
    sessions    UInt64 CODEC(ZSTD(1)) COMMENT 'Sessions that started in the day',
    bounces     UInt64 CODEC(ZSTD(1)) COMMENT 'Of these, bounces',
    engaged_ms  UInt64 CODEC(ZSTD(1)) COMMENT 'Engaged time summed, ms',
    duration_ms UInt64 CODEC(ZSTD(1)) COMMENT 'Duration of the sessions summed, ms',
    conversions UInt64 CODEC(ZSTD(1)) COMMENT 'Events that reached a goal',
    orders      UInt64 CODEC(ZSTD(1)) COMMENT 'Purchases',
    revenue     Int64 CODEC(ZSTD(1)) COMMENT 'Revenue in the currency of the site; ten-thousandths in the table',
    bot_events  UInt64 CODEC(ZSTD(1)) COMMENT 'Events of bots, in no other measure',
    version     UInt64 CODEC(ZSTD(1)) COMMENT 'The highest version of a row counts',
    is_deleted  UInt8 CODEC(ZSTD(1)) COMMENT '1: withdrawn',
    computed_at DateTime('UTC') DEFAULT now() COMMENT 'When it was computed'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(day)
ORDER BY (site_id, dimension, bucket, value)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Measures per day; read rollup_day_v1';

CREATE TABLE IF NOT EXISTS {database}.visitor_days
(
    site_id     LowCardinality(String) COMMENT 'Site',
    day         Date CODEC(ZSTD(1)) COMMENT 'Day in the time zone of the site',
    visitor_id  UInt64 CODEC(ZSTD(1)) COMMENT 'Pseudonymous visitor',
    id_kind     UInt8 CODEC(ZSTD(1)) COMMENT 'How the visitor is known: daily, consented, identified, server',
    first_seen  DateTime64(3, 'UTC') CODEC(ZSTD(1)) COMMENT 'First event of the visitor on the day',
    sessions    UInt32 CODEC(ZSTD(1)) COMMENT 'Sessions that started on the day',
    events      UInt32 CODEC(ZSTD(1)) COMMENT 'Events',
    page_views  UInt32 CODEC(ZSTD(1)) COMMENT 'Pages shown',
    engaged_ms  UInt64 CODEC(ZSTD(1)) COMMENT 'Engaged time summed, ms',
    conversions UInt32 CODEC(ZSTD(1)) COMMENT 'Events that reached a goal',
    orders      UInt32 CODEC(ZSTD(1)) COMMENT 'Purchases',
    revenue     Int64 CODEC(ZSTD(1)) COMMENT 'Revenue in the currency of the site; ten-thousandths in the table',
    bot         LowCardinality(String) COMMENT 'Why this is a bot; empty: a person',
    version     UInt64 CODEC(ZSTD(1)) COMMENT 'The highest version of a row counts',
    is_deleted  UInt8 CODEC(ZSTD(1)) COMMENT '1: withdrawn',
    computed_at DateTime('UTC') DEFAULT now() COMMENT 'When it was computed'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(day)
ORDER BY (site_id, day, visitor_id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Which visitor was there on which day; read visitor_days_v1';

CREATE TABLE IF NOT EXISTS {database}.rollup_state
(
    site_id     LowCardinality(String) COMMENT 'Site',
    kind        LowCardinality(String) COMMENT 'hour or day',
    bucket      DateTime('UTC') COMMENT 'Start of the hour or day in the time zone of the site',
    version     UInt64 COMMENT 'Version its rows were written with',
    log_time    DateTime64(3, 'UTC') COMMENT 'Everything stored up to this log time is counted',
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (site_id, kind, bucket)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, materialize_ttl_recalculate_only = 1
COMMENT 'Which buckets are computed, and up to what';
