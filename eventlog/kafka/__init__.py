"""The event log on Apache Kafka, or whatever speaks its protocol.

Where to look: `options` (what the client library is told), `appender` and `deliveries`
(writing), `reader` and `buffered` (reading), `groups` (visible positions), `topic` (made and
checked by `footfall migrate`), `errors` and `incidents` (what people are told).

log_time: the broker's time of the append (LogAppendTime).
"""

from eventlog.kafka.log import KafkaLog
from eventlog.kafka.options import KafkaOptions

__all__ = ["KafkaLog", "KafkaOptions"]
