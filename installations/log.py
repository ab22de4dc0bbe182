"""The mark beside a stage's topic on Kafka: the topic `{stage}.owner`."""

from __future__ import annotations

from eventlog.kafka.owner import append_owner, read_owner
from eventlog.opening import PATIENCE_S, owner_topic
from footfall.settings import Settings


class LogMark:
    """See `installations.mark.Mark`. Both methods raise `LogUnreachable` and `WrongLogError`."""

    setting = "FOOTFALL_KAFKA_BOOTSTRAP"

    def __init__(self, settings: Settings, stage: str, patience_s: float = PATIENCE_S) -> None:
        self._options = owner_topic(settings, stage, patience_s=patience_s)
        self._replication = settings.kafka_replication
        self.where = f"log {stage} on Kafka"

    def owner(self) -> str:
        """See `Mark.owner`."""
        return read_owner(self._options)

    def leave(self, installation: str, *, take_over: bool) -> None:
        """See `Mark.leave`."""
        append_owner(self._options, self._replication, installation, take_over=take_over)
