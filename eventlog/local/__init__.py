"""The event log of the embedded default: SQLite files as segments.

Where to look: `segment` (the format), `writer` (commits), `queue` and `appender` (group
commit), `reader` and `catalog` (reading), `upkeep` (checkpoints, retention).

log_time: the larger of the clock and the partition's last log_time. Where the clock jumps
forward and back, log_time stays at the highest it has seen until the clock gets there.
Retention by age compares that with the clock, so a clock far ahead shortens retention.
"""

from eventlog.local.log import LocalLog, partitions_made
from eventlog.local.options import Options
from eventlog.protocol import WrongLogError

__all__ = ["LocalLog", "Options", "WrongLogError", "partitions_made"]
