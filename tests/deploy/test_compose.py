"""docker-compose.yml against Compose's own loader, and against the code it is to run."""

from __future__ import annotations

import re
import stat
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cli import main
from cli.part import PARTS
from footfall.settings import Settings
from scripts import make_env
from tests.deploy.compose import FILE, ONE_SHOT, ROOT, filled_in, load, passwords
from tests.fixtures.go_program import GoMissing

Services = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compose")


@pytest.fixture(scope="module")
def services(folder: Path) -> Services:
    try:
        found: Services = load(folder)["services"]
    except GoMissing as missing:
        pytest.skip(str(missing))
    return found


def ours(services: Services) -> Services:
    return {name: one for name, one in services.items() if one["image"].startswith("footfall:")}


def settings_of(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in service["environment"].items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_a_required_variable_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        filled_in(yaml.safe_load(FILE.read_text()), {})
    needed = set(re.findall(r"\$\{(\w+):\?run make env first\}", FILE.read_text()))
    assert needed == {*make_env.PASSWORDS, "OBJECTS_ACCESS_KEY", "KAFKA_CLUSTER_ID"}


def test_passwords_are_made_once_for_their_owner_only(tmp_path: Path) -> None:
    made = tmp_path / ".env"
    make_env.write(made)
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_env.write(made)
    values = [line.split("=")[1] for line in made.read_text().splitlines() if "PASSWORD=" in line]
    assert len(set(values)) == len(values) >= 6
    assert all(re.fullmatch(r"[0-9a-f]{48}", value) for value in values)
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_every_service_is_bounded_and_has_no_rights_to_spare(services: Services) -> None:
    for name, one in services.items():
        assert re.search(r":v?\d+\.\d+[\d.]*$", one["image"]), f"{name}: no version"
        limits = one["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0, name
        assert re.fullmatch(r"[1-9]\d*[mg]", limits["memory"]), name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert not one.get("privileged"), name
        if name == "s3-folder":
            assert (one["cap_add"], one["network_mode"]) == (["CHOWN"], "none")
            continue
        assert not one["user"].startswith("0:"), name
        assert "cap_add" not in one, name
        assert name in ONE_SHOT or one["healthcheck"]["test"], name
        assert one.get("read_only") or name in {"kafka", "clickhouse", "grafana"}, name
        for port in one.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", name


def test_a_password_reaches_only_who_needs_it_and_no_command_line(services: Services, folder: Path) -> None:
    allowed = {
        "CLICKHOUSE_FOOTFALL_PASSWORD": {"clickhouse", "flow", "jobs", "migrate"},
        "CLICKHOUSE_READER_PASSWORD": {"clickhouse", "grafana"},
        "CONTROL_PASSWORD": {"postgres", "gateway", "flow", "jobs", "migrate"},
        "GRAFANA_ADMIN_PASSWORD": {"grafana"},
        "OBJECTS_SECRET_KEY": {"s3", "bucket", "flow", "jobs", "migrate"},
        "POSTGRES_PASSWORD": {"postgres"},
        "VALKEY_PASSWORD": {"valkey", "flow", "jobs", "migrate"},
    }
    made = passwords(folder)
    for name, places in allowed.items():
        secret = made[name]
        assert {one for one, told in services.items() if secret in str(told)} == places, name
        assert not any(secret in str([told.get("command"), told.get("entrypoint")]) for told in services.values())


def test_every_setting_exists_and_is_accepted(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {f"FOOTFALL_{name.upper()}" for name in Settings.model_fields}
    for name, one in ours(services).items():
        assert set(one.get("environment") or {}) <= known, name
    for name in ("gateway", "flow", "jobs", "migrate"):
        with monkeypatch.context() as patch:
            found = settings_of(services[name], patch)
            assert found.stage == "prod"
            assert found.kafka_bootstrap == "kafka:9092"
            assert "@postgres:5432/footfall" in found.control_url
            if name != "gateway":
                assert not found.has_own_store
                assert found.objects_endpoint == "http://s3:7070"
                assert found.redis_url.endswith("@valkey:6379/0")


def test_every_command_is_one_of_the_command_line(services: Services) -> None:
    for name, one in ours(services).items():
        if one.get("entrypoint"):
            continue
        assert CliRunner().invoke(main, [*one["command"], "--help"]).exit_code == 0, name
        if one["command"][0] == "run":
            assert one["command"][1] in PARTS
            assert one["command"][1] == name


def test_ports_and_hosts_fit_together(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, asked = (
        yaml.safe_load((ROOT / "deploy/prometheus" / name).read_text())
        for name in ("prometheus.yml", "compose.yml")
    )
    watched = [part for job in asked["scrape_configs"] for part in job["static_configs"]]
    targets = {target for part in watched for target in part["targets"]}
    # The alerts know the parts by the same labels.
    labels = [part["labels"] for job in alone["scrape_configs"] for part in job["static_configs"]]
    assert [part["labels"] for part in watched] == labels
    assert asked["rule_files"] == alone["rule_files"]
    with monkeypatch.context() as patch:
        gateway = settings_of(services["gateway"], patch)
        assert gateway.gateway_host == "0.0.0.0"
        assert [port["target"] for port in services["gateway"]["ports"]] == [gateway.gateway_port]
    with monkeypatch.context() as patch:
        flow = settings_of(services["flow"], patch)
    with monkeypatch.context() as patch:
        jobs = settings_of(services["jobs"], patch)
    assert flow.metrics_host == jobs.metrics_host == "0.0.0.0"
    expected = {"gateway": gateway.gateway_port, "flow": flow.flow_metrics_port, "jobs": jobs.jobs_metrics_port}
    assert targets == {f"{name}:{port}" for name, port in expected.items()}
    for name, port in expected.items():
        assert f"127.0.0.1:{port}/" in str(services[name]["healthcheck"]["test"])
    named = set(re.findall(r"(?:host|//|@)[: ]*([a-z0-9]+):\d+", FILE.read_text()))
    assert named - set(services) <= {"localhost", "127"}


def test_what_is_mounted_is_in_the_repository(services: Services) -> None:
    for name, one in services.items():
        for mount in one.get("volumes", []):
            if mount["type"] == "bind":
                assert mount["read_only"], name
                assert (ROOT / mount["source"]).exists(), mount["source"]
    assert (ROOT / "deploy/postgres/10-footfall.sh").stat().st_mode & stat.S_IXUSR


def test_users_of_the_store_are_those_of_the_settings(services: Services) -> None:
    users = ET.parse(ROOT / "deploy/clickhouse/users.xml").getroot().find("users")
    assert users is not None
    assert {user.tag for user in users} == {"default", "footfall", "reader"}
    assert users.find("default").attrib == {"remove": "remove"}  # type: ignore[union-attr]
    for user in users:
        password = user.find("password")
        if password is not None:
            assert password.attrib["from_env"] in services["clickhouse"]["environment"]
    assert services["flow"]["environment"]["FOOTFALL_CLICKHOUSE_USER"] == "footfall"
    source = yaml.safe_load((ROOT / "grafana/provisioning/datasources/clickhouse.yml").read_text())["datasources"][
        0
    ]
    assert source["jsonData"]["username"] == "reader"
    variable = source["secureJsonData"]["password"].removeprefix("$")
    assert variable in services["grafana"]["environment"]


def test_the_image_is_built_of_what_is_in_the_repository() -> None:
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        source
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    assert copied == let_through
    assert all((ROOT / source).exists() for source in copied)
    packages = re.findall(r'"([a-z_]+)\*"', (ROOT / "pyproject.toml").read_text())
    assert set(packages) <= copied
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert all(re.search(r"python:3\.12\.\d+-", line) for line in lines if line.startswith("FROM "))
    run, dev = ((ROOT / name).read_text() for name in ("requirements-run.txt", "requirements.txt"))
    pins = re.compile(r"^[a-z0-9.-]+(?:\[.*?\])?==[^ ]+", re.MULTILINE)
    assert set(pins.findall(run)) < set(pins.findall(dev))
    assert "pytest==" not in run
