-- What jobs still have to do. A line that is done is withdrawn with is_deleted = 1 and a higher version.
CREATE TABLE IF NOT EXISTS {database}.repair_list
(
    site_id    LowCardinality(String) COMMENT 'Site',
    visitor_id UInt64 COMMENT 'Visitor whose sessions are to be made anew',
    mark       UInt64 COMMENT 'Which look or command marked them: log time, ms',
    first_at   DateTime64(3, 'UTC') COMMENT 'First of the events that call for it',
    last_at    DateTime64(3, 'UTC') COMMENT 'Last of them',
    events     UInt64 COMMENT 'How many',
    version    UInt64 COMMENT 'The highest version of a line counts',
    is_deleted UInt8 COMMENT '1: done',
    marked_at  DateTime('UTC') DEFAULT now() COMMENT 'When the line was written'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (site_id, visitor_id, mark)
TTL marked_at + toIntervalDay(7) WHERE is_deleted = 1
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Visitors with late events, whose sessions repair makes anew';

CREATE TABLE IF NOT EXISTS {database}.rollup_dirty
(
    site_id    LowCardinality(String) COMMENT 'Site',
    slot       DateTime('UTC') COMMENT 'Quarter of an hour in which something changed',
    kind       LowCardinality(String) COMMENT 'hour or day: which rollup still has to see to it',
    mark       UInt64 COMMENT 'Which repair changed it: the machine time, ms',
    version    UInt64 COMMENT 'The highest version of a line counts',
    is_deleted UInt8 COMMENT '1: done',
    marked_at  DateTime('UTC') DEFAULT now() COMMENT 'When the line was written'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (kind, site_id, slot, mark)
TTL marked_at + toIntervalDay(7) WHERE is_deleted = 1
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'Buckets changed by repair, which the rollups compute anew';
