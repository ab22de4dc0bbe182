"""Processes that are broken on purpose: `python -m tests.flows.broken flow` has a step that fails on every page
below /bad, `... replay ARGUMENTS` dies after the log took the items and before they are noted as replayed."""

from __future__ import annotations

import os
import sys
from typing import Any

DIED = 9


def broken_flow() -> int:
    from flows.__main__ import main
    from footfall.enrich import pipeline
    from footfall.enrich.batch import EnrichedBatch
    from footfall.enrich.context import Context

    def fail(batch: EnrichedBatch, context: Context) -> None:
        if any("/bad" in event.url for event in batch.record.events):
            raise ValueError("of mail@example.org")
        right(batch, context)

    right = next(step.run for step in pipeline.PIPELINE if step.name == "pages")
    vars(pipeline)["PIPELINE"] = tuple(
        step._replace(run=fail) if step.name == "pages" else step for step in pipeline.PIPELINE
    )
    return main()


def dying_replay(arguments: list[str]) -> None:
    from clickhouse_driver import Client

    from cli import main

    execute = Client.execute

    def until_noted(self: Client, query: str, *rest: Any, **more: Any) -> Any:
        if query.startswith("INSERT INTO quarantine_replays"):
            os._exit(DIED)
        return execute(self, query, *rest, **more)

    Client.execute = until_noted
    main(["quarantine", "replay", *arguments])


if __name__ == "__main__":
    if sys.argv[1] == "flow":
        sys.exit(broken_flow())
    dying_replay(sys.argv[2:])
