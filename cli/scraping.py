"""The parts' metrics, asked over HTTP as Prometheus does."""

from __future__ import annotations

import http.client
from collections.abc import Iterable

from footfall.addresses import reachable
from telemetry.ports import MetricsPort

TIMEOUT_S = 3.0
MAX_BYTES = 16 * 1024 * 1024


class Samples:
    """What one or more parts showed at one moment."""

    def __init__(self, texts: Iterable[str]) -> None:
        from prometheus_client.parser import text_string_to_metric_families

        self._rows: dict[str, list[tuple[dict[str, str], float]]] = {}
        for text in texts:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    self._rows.setdefault(sample.name, []).append((sample.labels, sample.value))

    def rows(self, name: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """(labels, value) of every series with these labels."""
        return [row for row in self._rows.get(name, []) if labels.items() <= row[0].items()]

    def sum(self, name: str, **labels: str) -> float:
        """All of them added up; 0 where there is none."""
        return sum(value for _, value in self.rows(name, **labels))

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """Added up by a label's values."""
        found: dict[str, float] = {}
        for row, value in self.rows(name, **labels):
            found[row.get(label, "")] = found.get(row.get(label, ""), 0.0) + value
        return found

    def least(self, name: str, **labels: str) -> float | None:
        """The smallest; None where there is none."""
        return min((value for _, value in self.rows(name, **labels)), default=None)

    def most(self, name: str, **labels: str) -> float | None:
        """The largest; None where there is none."""
        return max((value for _, value in self.rows(name, **labels)), default=None)


def fetch(at: MetricsPort) -> str | None:
    """The part's metrics as text; None where it does not answer in time."""
    connection = http.client.HTTPConnection(reachable(at.host), at.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read(MAX_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == 200 else None
