"""Settings that cannot work are refused before anything starts, and named."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from footfall.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("trusted_proxies", "foo", "'foo'"),
        ("trusted_proxies", "10.0.0.0/8, 10.0.0.0/99", "'10.0.0.0/99'"),
        ("trusted_proxies", "127.0.0.1;10.0.0.1", "'127.0.0.1;10.0.0.1'"),
        ("heartbeat_seconds", "nan", "finite"),
        ("session_window_minutes", "inf", "finite"),
        ("gateway_port", "0", "greater"),
        ("dev_stage", "prod", "FOOTFALL_STAGE too"),
        ("dev_stage", "a-b", "match"),
    ],
)
def test_up_names_the_setting_and_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv("FOOTFALL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv(f"FOOTFALL_{name.upper()}", value)
    result = CliRunner().invoke(main, ["up"])
    assert result.exit_code == 2
    assert f"FOOTFALL_{name.upper()}: " in result.output
    assert says in result.output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("stage", "dev_stage", "topics"),
    [
        ("prod", "dev", {"prod": 4, "dev": 1}),
        ("staging", "devstaging", {"staging": 4, "devstaging": 1}),
        ("staging", "", {"staging": 4}),
        ("dev", "dev", {"dev": 4}),
        ("dev", "", {"dev": 4}),
    ],
)
def test_the_stages_that_are_served(stage: str, dev_stage: str, topics: dict[str, int]) -> None:
    assert Settings(stage=stage, dev_stage=dev_stage).topics() == topics


@pytest.mark.parametrize("value", ["", " ", "127.0.0.1", "10.1.2.3/8, ::1/128,", "127.0.0.1/32"])
def test_networks_are_taken_as_the_gateway_reads_them(value: str) -> None:
    assert Settings(trusted_proxies=value).trusted_proxies == value
