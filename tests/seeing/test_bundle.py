"""`footfall doctor --bundle` where nothing works: it is made all the same, and says what it could not ask."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from cli.bundle import write_bundle
from embedded.paths import resolve
from footfall.settings import Settings
from tests.cli.conftest import free_ports


@pytest.mark.parametrize("damage", [None, b"this is no database, " * 100])
def test_a_bundle_is_made_where_nothing_can_be_asked(tmp_path: Path, damage: bytes | None) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    if damage is not None:
        (data_dir / "control.db").write_bytes(damage)
    native, http = free_ports(2)
    settings = resolve(Settings(data_dir=data_dir, clickhouse_port=native, clickhouse_http_port=http))
    path = tmp_path / "bundle.tar.gz"
    names = write_bundle(path, settings, [])
    with tarfile.open(path) as archive:
        texts = {name: archive.extractfile(name).read().decode() for name in archive.getnames()}  # type: ignore[union-attr]
    assert texts.keys() == {f"footfall/{name}" for name in names}
    wanting = {name for name, text in texts.items() if text.startswith("not to be had: ")}
    assert {"footfall/jobs.json", "footfall/tables.tsv", "footfall/prod/progress.tsv"} <= wanting
    assert "footfall/versions.json" not in wanting
    assert "Traceback" not in "".join(texts.values())
