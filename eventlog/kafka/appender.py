"""The writing side: an idempotent producer, and one thread that hears the brokers' acknowledgements.

Delivery: a future (or `on_done`) succeeds only after every record of the submission was
acknowledged by all in-sync replicas. A failure leaves open whether some of them are in the
log: whoever retries sends the same batch id again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Producer

from eventlog import metrics
from eventlog.appending import RECORD_OVERHEAD, BaseAppender
from eventlog.kafka.deliveries import Deliveries, Submission
from eventlog.kafka.errors import explain, is_fatal
from eventlog.kafka.incidents import Incidents
from eventlog.kafka.options import KafkaOptions
from eventlog.protocol import LogFull, OnDone

POLL_S = 0.1
JOIN_S = 5.0
RETRY_AFTER_S = 5.0
# Before a producer that failed for good is made anew.
SHORTEST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 30.0


class KafkaAppender(BaseAppender):
    """See `eventlog.protocol.Appender`. Made after a fork, not before."""

    def __init__(self, options: KafkaOptions, on_done: OnDone | None) -> None:
        super().__init__(options.partitions, on_done)
        self._options = options
        self._deliveries = Deliveries(options.queue_bytes, options.partitions)
        self._incidents = Incidents(options.topic)
        self._fatal: KafkaError | None = None
        self._backoff_s = SHORTEST_BACKOFF_S
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
        return Producer(self._options.producer_config() | {"error_cb": self._heard})

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
            self._heard(error.args[0])
            submission.delivered(error.args[0], None)
        except BufferError:  # the client's own bound, which ours should keep out of reach
            submission.delivered(KafkaError(KafkaError._QUEUE_FULL), None)

    def _heard(self, error: KafkaError) -> None:
        self._incidents.heard(error)
        if is_fatal(error):
            self._fatal = error

    def _run(self) -> None:
        try:
            while not self._stop.is_set() or self._deliveries.bytes_waiting:
                self._serve()
        finally:
            # Only a bug gets here before close: whoever waits must hear of it.
            self._deliveries.close("the log's thread has stopped: restart the program, see its log")
            self._deliveries.give_up(KafkaError(KafkaError._DESTROY))
            self._finish(self._deliveries.take_finished())

    def _serve(self) -> None:
        try:
            self._producer.poll(POLL_S)
        except KafkaException as error:  # a fatal one is raised here, again and again
            self._heard(error.args[0])
        if self._fatal is not None:
            self._recover(self._fatal)
        self._finish(self._deliveries.take_finished())

    def _recover(self, error: KafkaError) -> None:
        """A producer that met a fatal error takes nothing ever again: fail what it has, make another."""
        self._deliveries.give_up(error)
        self._finish(self._deliveries.take_finished())
        again_at = time.monotonic() + self._backoff_s
        while not self._stop.wait(POLL_S) and time.monotonic() < again_at:
            self._finish(self._deliveries.take_finished())  # what is refused meanwhile hears so at once
        self._backoff_s = min(2 * self._backoff_s, LONGEST_BACKOFF_S)
        self._fatal = None
        self._producer = self._new_producer()

    def _finish(self, done: list[Submission]) -> None:
        if not done:
            return
        good = [submission for submission in done if submission.error is None]
        if good:
            self._incidents.over()
            self._backoff_s = SHORTEST_BACKOFF_S
            self._compare_clocks()
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
            if not self._stop.is_set():
                self._incidents.tell(text)
            self._tell(submissions, LogFull(text, retry_after_s=RETRY_AFTER_S))
        metrics.QUEUE_BYTES.set(self._deliveries.bytes_waiting)

    def _compare_clocks(self) -> None:
        """Ours with the broker's, which just gave a record its log time: an answer takes milliseconds."""
        newest, self._deliveries.newest = self._deliveries.newest, None
        kind, log_time = newest.timestamp() if newest is not None else (0, 0)
        if kind == TIMESTAMP_LOG_APPEND_TIME and log_time > 0:
            metrics.CLOCK_AHEAD.set(time.time() - log_time / 1000)
