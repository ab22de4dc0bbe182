"""The writing side: an idempotent producer, and one thread that hears the brokers' acknowledgements.

Delivery: a future (or `on_done`) succeeds only after every record of the submission was
acknowledged by all in-sync replicas. A failure leaves open whether some of them are in the
log: whoever retries sends the same batch id again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from eventlog import metrics
from eventlog.appending import RECORD_OVERHEAD, BaseAppender
from eventlog.kafka.deliveries import Deliveries, Submission
from eventlog.kafka.errors import explain
from eventlog.kafka.incidents import Incidents
from eventlog.kafka.options import KafkaOptions
from eventlog.protocol import LogFull, OnDone

POLL_S = 0.1
JOIN_S = 5.0
RETRY_AFTER_S = 5.0


class KafkaAppender(BaseAppender):
    """See `eventlog.protocol.Appender`. Made after a fork, not before."""

    def __init__(self, options: KafkaOptions, on_done: OnDone | None) -> None:
        super().__init__(options.partitions, on_done)
        self._options = options
        self._deliveries = Deliveries(options.queue_bytes, options.partitions)
        self._incidents = Incidents(options.topic)
        self._producer = self._new_producer()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kafka-deliveries", daemon=True)
        self._thread.start()

    def close(self, timeout_s: float) -> None:
        """See `Appender.close`. May be called more than once."""
        self._deliveries.close("the log is closed")
        self._stop.set()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            self._producer.purge()  # what is left fails: its delivery reports end the thread
            self._thread.join(JOIN_S)

    def _new_producer(self) -> Producer:
        return Producer(self._options.producer_config() | {"error_cb": self._incidents.heard})

    def _put(self, records: Sequence[tuple[int, bytes]], token: Any, future: Future[None] | None) -> None:
        submission = self._deliveries.begin(records, token, future)
        if not records:
            submission.delivered(None, None)
        for partition, value in records:
            self._produce(partition, value, submission)

    def _produce(self, partition: int, value: bytes, submission: Submission) -> None:
        try:
            self._producer.produce(
                self._options.topic, value, partition=partition, on_delivery=submission.delivered
            )
        except KafkaException as error:
            self._incidents.heard(error.args[0])
            submission.delivered(error.args[0], None)
        except BufferError:  # the client's own bound, which ours should keep out of reach
            submission.delivered(KafkaError(KafkaError._QUEUE_FULL), None)

    def _run(self) -> None:
        try:
            while not self._stop.is_set() or self._deliveries.bytes_waiting:
                self._producer.poll(POLL_S)
                if done := self._deliveries.take_finished():
                    self._finish(done)
                if self._incidents.fatal:
                    self._replace_producer()
        finally:
            self._deliveries.close("the log's thread has stopped: restart the program, see its log")

    def _replace_producer(self) -> None:
        """A producer that met a fatal error takes nothing ever again, and fails all it has."""
        old, self._producer = self._producer, self._new_producer()
        self._incidents.fatal = False
        old.purge()
        old.flush(JOIN_S)

    def _finish(self, done: list[Submission]) -> None:
        good = [submission for submission in done if submission.error is None]
        if good:
            self._incidents.over()
            records = sum(submission.count for submission in good)
            metrics.RECORDS.inc(records)
            overhead = (records + len(good)) * RECORD_OVERHEAD
            metrics.BYTES.inc(sum(submission.size for submission in good) - overhead)
            self._tell(good, None)
        failed: dict[int, list[Submission]] = {}
        for submission in done:
            if submission.error is not None:
                failed.setdefault(submission.error.code(), []).append(submission)
        for submissions in failed.values():
            error = submissions[0].error
            assert error is not None
            metrics.REFUSED.labels("kafka").inc(len(submissions))
            text = explain(error, self._options.topic)
            self._incidents.tell(text)
            self._tell(submissions, LogFull(text, retry_after_s=RETRY_AFTER_S))
        metrics.QUEUE_BYTES.set(self._deliveries.bytes_waiting)
