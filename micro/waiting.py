"""`/micro/wait`: an answer as soon as the events are there."""

from __future__ import annotations

import time
from collections import Counter

from ingest_gateway.answers import RefusedError, unavailable
from micro.journal import Entry, Journal
from micro.questions import Question

MAX_WAITING = 100
MAX_SHOWN = 20
NAMES_TOLD = 10


class Waiting:
    """Long polls, a bounded number at once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._count = 0

    async def wait(self, question: Question) -> tuple[int, dict[str, object]]:
        """(200, the events) once `count` of them are there; else (408, what did come)."""
        if self._count >= MAX_WAITING:
            raise unavailable(f"{MAX_WAITING} requests wait already")
        self._count += 1
        try:
            return await self._until(question, time.monotonic() + question.timeout)
        finally:
            self._count -= 1

    async def _until(self, question: Question, deadline: float) -> tuple[int, dict[str, object]]:
        while True:
            if self._journal.closed:
                raise RefusedError(503, "unavailable", "footfall micro is stopping")
            found = question.of(self._once())
            if len(found) >= question.count:
                return 200, {"events": found[-question.limit :]}
            left = deadline - time.monotonic()
            if left <= 0 or not await self._journal.news(left):
                return 408, self._what_came(question)

    def _once(self) -> list[Entry]:
        """A repeated event counts once, here as in the store."""
        return [entry for entry in self._journal.good if not entry["duplicate"]]

    def _what_came(self, question: Question) -> dict[str, object]:
        events = [entry for entry in self._once() if entry["seq"] > question.after]
        found = question.of(events)
        asked = {entry["seq"] for entry in found}
        others = [entry for entry in events if entry["seq"] not in asked]
        same_name = [entry for entry in others if entry["name"] == question.name]
        return {
            "error": "timeout",
            "message": _message(question, len(found), others, self._journal.bad.total),
            "events": found[-question.limit :],
            "others": (same_name or others)[-MAX_SHOWN:],
            "bad": list(self._journal.bad)[-MAX_SHOWN:],
        }


def _message(question: Question, found: int, others: list[Entry], bad: int) -> str:
    names = Counter(str(entry["name"]) for entry in others)
    told = ", ".join(f"{name} ({count})" for name, count in names.most_common(NAMES_TOLD)) or "nothing"
    return (
        f"waited {question.timeout:g} s for {question.count} event(s) {question.told()}: {found} came. "
        f"Others that came: {told}. Bad: {bad}."
    )
