"""All measures, read from `queries/sql`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from queries.measure import Measure, parse

FOLDER = Path(__file__).parent / "sql"
_PART = ".part.sql"


@lru_cache(1)
def measures() -> Mapping[str, Measure]:
    """By name, `<subject>_<measure>`; raises `MeasureError`."""
    parts = {path.name.removesuffix(_PART): path.read_text() for path in FOLDER.glob(f"*{_PART}")}
    files = sorted(path for path in FOLDER.glob("*.sql") if not path.name.endswith(_PART))
    return {path.stem: parse(path.stem, path.read_text(), parts) for path in files}
