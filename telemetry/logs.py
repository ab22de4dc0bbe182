"""The parts' logs: a line an entry, as text or as JSON, without secrets, event contents and people's addresses.

What a message may name is up to who writes it; this is the net below: known secrets are masked, public
addresses truncated, and of an error that is about a value (ValueError, KeyError and their like) only its kind
and place are told, since its message repeats the value.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType

from footfall.settings import Settings
from telemetry.scrubbing import Scrubber, secrets_of

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
# Their messages hold what was wrong, which may be a part of an event.
OF_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError)


def set_up_logs(part: str, settings: Settings) -> None:
    """Log to standard error from now on, as the settings say. Call it once, first of all."""
    scrubber = Scrubber(secrets_of(settings))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(part, scrubber) if settings.log_format == "json" else TextLines(scrubber))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class TextLines(logging.Formatter):
    """`2026-11-26 03:12:44,120 WARNING sinks.live message`; a fault's traceback follows indented."""

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """One entry."""
        return self._scrubber.scrub(super().format(record))

    def formatException(self, ei: ExcInfo) -> str:  # noqa: N802 - logging's name
        """The traceback, one indented line a frame."""
        return "\n".join(f"    {line}" for line in told(ei[1]))


class JsonLines(logging.Formatter):
    """`{"at": ..., "level": ..., "part": ..., "logger": ..., "message": ..., "error": [...]}`"""

    def __init__(self, part: str, scrubber: Scrubber) -> None:
        super().__init__()
        self._part = part
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """One entry."""
        at = datetime.fromtimestamp(record.created, UTC)
        entry: dict[str, object] = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "part": self._part,
            "logger": record.name,
            "message": self._scrubber.scrub(record.getMessage()),
        }
        if record.exc_info and record.exc_info[1] is not None:
            entry["error"] = [self._scrubber.scrub(line) for line in told(record.exc_info[1])]
        return json.dumps(entry, ensure_ascii=False)


def told(error: BaseException | None) -> list[str]:
    """Where it happened and what it was, cause first; without the values it is about."""
    lines: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        frames = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
        lines = [*frames, in_short(error), *lines]
        error = error.__cause__ or error.__context__
    return lines


def in_short(error: BaseException) -> str:
    """Its kind and, where that cannot repeat an event, its message."""
    kind = type(error).__name__
    if isinstance(error, OF_VALUES):
        return f"{kind} (its message is left out: it may repeat what was sent)"
    return " ".join(f"{kind}: {error}".partition("Stack trace:")[0].split())[:500]
