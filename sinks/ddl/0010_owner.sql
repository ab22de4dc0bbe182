-- Which installation writes here (see installations/): a second one that was given the same stage and server meets this
-- mark, and not the first one's events.
CREATE TABLE IF NOT EXISTS {database}.owner
(
    installation String COMMENT 'Id of the installation, made once in its control plane',
    term         UInt32 COMMENT 'One more each time another installation took over: the highest counts',
    claimed_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') COMMENT 'Of those with the same term the first counts'
)
ENGINE = MergeTree
ORDER BY (term, claimed_at, installation)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
COMMENT 'The installation that this database belongs to';
