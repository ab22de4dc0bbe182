"""Write the files that are derived from code; CI runs this and diffs."""

from __future__ import annotations

import json
from pathlib import Path

from footfall.event import json_schema
from footfall.settings import Settings
from ingest_gateway.openapi import encoded
from scripts.metrics import metrics_page
from scripts.typescript import event_types
from sinks.describe import tables

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def settings_table() -> str:
    """docs/settings.md: every variable with its default and meaning."""
    rows = ["# Settings", "", "Environment variables, read once at start.", ""]
    rows += ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        rows.append(
            f"| `FOOTFALL_{name.upper()}` | {f'`{default}`' if default else '(empty)'} | {field.description} |"
        )
    return "\n".join(rows) + "\n"


def main() -> None:
    """Write everything."""
    schema = json.dumps(json_schema(), indent=2, sort_keys=True)
    (DOCS / "event.schema.json").write_text(schema + "\n")
    (DOCS / "openapi.json").write_bytes(encoded())
    (DOCS / "settings.md").write_text(settings_table())
    (DOCS / "metrics.md").write_text(metrics_page())
    (DOCS / "tables.md").write_text(tables())
    (ROOT / "sdk-js" / "src" / "generated" / "event.ts").write_text(event_types())


if __name__ == "__main__":
    main()
