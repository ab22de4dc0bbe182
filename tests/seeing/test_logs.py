"""What logs tell, and what they never do."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from footfall.settings import Settings
from telemetry.incidents import Incident
from telemetry.logs import JsonLines, TextLines, in_short
from telemetry.scrubbing import Scrubber, secrets_of

SECRETS = {
    "kafka_password": "kaf ka",
    "clickhouse_password": "click",
    "control_url": "postgresql+psycopg://footfall:p%40ss@db.example.com/footfall",
    "redis_url": "redis://:red%2Fis@cache.example.com:6379/0",
    "objects_secret_key": "objekt",
}


def entry(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord("sinks.live", logging.WARNING, "x.py", 1, message, (), info)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as found:  # noqa: BLE001 - with a traceback now
        return found


def test_secrets_of_the_settings_are_masked(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "clickhouse_reader").write_text("reader's own\n")
    settings = Settings.model_validate({"data_dir": tmp_path, **SECRETS})
    secrets = secrets_of(settings)
    assert secrets == {"kaf ka", "click", "p%40ss", "p@ss", "red%2Fis", "red/is", "objekt", "reader's own"}
    text = Scrubber(secrets).scrub(" ".join(secrets))
    assert not any(secret in text for secret in secrets)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("from 198.51.100.77:4242 came", "from 198.51.100.0:4242 came"),
        ("peer 2001:db8:1:2:3:4:5:6", "peer 2001:db8:1::"),
        ("[2001:db8:1:2::7]:443", "[2001:db8:1::]:443"),
        ("broker 10.0.0.5:9092 and 127.0.0.1 and ::1", "broker 10.0.0.5:9092 and 127.0.0.1 and ::1"),
        ("at 03:12:44 version 0.21.1", "at 03:12:44 version 0.21.1"),
        ("amqp://who:what@host/x", "amqp://***:***@host/x"),
    ],
)
def test_addresses_and_passwords_in_urls(text: str, shown: str) -> None:
    assert Scrubber().scrub(text) == shown


def test_a_fault_tells_where_but_not_the_value() -> None:
    error = raised(ValueError("invalid literal: 'jane@example.org'"))
    line = JsonLines("flow", Scrubber()).format(entry("stopped by a fault", error))
    assert "\n" not in line
    found = json.loads(line)
    assert found["message"] == "stopped by a fault"
    assert found["part"] == "flow"
    assert "test_logs.py" in found["error"][0]
    assert "jane" not in line
    text = TextLines(Scrubber()).format(entry("stopped by a fault", error))
    assert "jane" not in text
    assert "ValueError" in text
    assert in_short(OSError(28, "No space left on device")) == "OSError: [Errno 28] No space left on device"


def test_an_incident_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    incident = Incident(logging.getLogger("x"))
    incident.over("fine")  # nothing was wrong
    for _ in range(40):
        incident.met("away")
    incident.over("there again")
    incident.over("there again")
    assert [record.getMessage() for record in caplog.records] == ["away", "there again (after 0 s, 40 times)"]
