from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from control import Control
from ingest_gateway import scripts
from tests.gateway.own_scripts import CORE, PART, VERSION, write_scripts

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FOOTFALL_DATA_DIR", str(tmp_path))
    if url.startswith("postgresql"):  # SQLite is where no URL is set
        monkeypatch.setenv("FOOTFALL_CONTROL_URL", url)

    def invoke(*arguments: str, code: int = 0) -> str:
        result: Result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result.output

    return invoke


def test_site(run: Run, plane: Control) -> None:
    out = run("site", "add", "shop.example.com", "--timezone", "Europe/Berlin", "--currency", "eur")
    site = plane.site("shop.example.com")
    assert f"/v1/pixel.gif?site={site.public_id}" in out
    assert out.index(f'<script defer src="http://127.0.0.1:8080/f.js" data-site="{site.public_id}"></script>') > 0
    assert "FOOTFALL_PUBLIC_URL" in out
    assert out.index("<script") < out.index("pixel.gif") < out.index("curl ")
    assert "curl " in out
    assert "footfall key create shop.example.com" in out
    assert f"X-Footfall-Site: {site.public_id}" in out
    assert "Europe/Berlin" in run("site", "list")
    assert "EUR" in run("site", "show", "shop.example.com")
    assert "UTC on." in run(
        "site", "set", "shop.example.com", "--window-minutes", "60", "--add-domain", "b.example"
    )
    assert plane.site("b.example").windows[-1].window_ms == 3_600_000
    run("site", "set", "shop.example.com", "--exclude-path", "/admin/**", "--strict-privacy")
    changed = plane.site("shop.example.com")
    assert (changed.excluded_paths, changed.strict_privacy) == (("/admin/**",), True)
    run("site", "remove", "shop.example.com", "--yes")
    assert "no site yet" in run("site", "list")


def test_the_tag_has_the_public_address_and_the_sites_own_names(
    run: Run, plane: Control, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FOOTFALL_PUBLIC_URL", "https://stats.example.com/")
    monkeypatch.setattr(scripts, "FOLDER", tmp_path)
    write_scripts(tmp_path)
    out = run("site", "add", "shop.example.com")
    own = f'data-site="{plane.site("shop.example.com").public_id}"'
    assert f'<script defer src="https://stats.example.com/f.js" {own}></script>' in out
    digest = base64.b64encode(hashlib.sha256(CORE).digest()).decode()
    assert f'src="https://stats.example.com/f-{VERSION}.js" integrity="sha256-{digest}"\n' in out
    part = base64.b64encode(hashlib.sha256(PART).digest()).decode()
    assert f'crossorigin="anonymous" {own}\n    data-auto="sha256-{part}"></script>' in out
    assert "FOOTFALL_PUBLIC_URL" not in out
    run("site", "set", "shop.example.com", "--script-name", "shop.js", "--endpoint-path", "/s/collect")
    public_id = plane.site("shop.example.com").public_id
    assert f"init({{ site: '{public_id}', endpoint: 'https://stats.example.com' }})" in out
    shown = run("site", "show", "shop.example.com")
    assert f"init({{ site: '{public_id}', endpoint: 'https://stats.example.com/s/collect' }})" in shown
    assert f'src="https://stats.example.com/shop.js" {own} data-endpoint="/s/collect"></script>' in shown
    assert f'src="https://stats.example.com/shop-{VERSION}.js"' in shown
    monkeypatch.setenv("FOOTFALL_PUBLIC_URL", "https://example.com/stats")
    assert 'data-endpoint="/stats/s/collect"' in run("site", "show", "shop.example.com")
    run("site", "set", "shop.example.com", "--script-name", "default", "--endpoint-path", "default")
    shown = run("site", "show", "shop.example.com")
    assert 'src="https://example.com/stats/f.js"' in shown
    assert 'data-endpoint="/stats/v1/batch"' in shown
    assert "endpoint: 'https://example.com/stats/v1/batch' }" in shown
    assert "choose another name" in run("site", "set", "shop.example.com", "--script-name", "f.js", code=1)
    monkeypatch.setenv("FOOTFALL_PUBLIC_URL", "stats.example.com")
    assert "FOOTFALL_PUBLIC_URL" in run("site", "show", "shop.example.com", code=2)


def test_errors_are_plain(run: Run, plane: Control) -> None:
    assert "no site nowhere.example" in run("site", "show", "nowhere.example", code=1)
    assert "time zone" in run("site", "add", "a.example", "--timezone", "Mars", code=1)
    run("site", "add", "a.example")
    assert "already" in run("site", "add", "a.example", code=1)
    assert "Traceback" not in run("goal", "add", "a.example", "g", code=1)
    assert "KEY=VALUE" in run("goal", "add", "a.example", "g", "--prop", "x", code=2)


def test_goal(run: Run, plane: Control) -> None:
    run("site", "add", "a.example")
    out = run(
        "goal", "add", "a.example", "paid", "--event", "purchase", "--path", "/thanks/*", "--prop", "plan=pro"
    )
    assert "footfall repair --site a.example" in out
    assert plane.site("a.example").goals[0].props == (("plan", "pro"),)
    assert "/thanks/*" in run("goal", "list", "a.example")
    run("goal", "remove", "a.example", "paid")
    assert "has no goals" in run("goal", "list", "a.example")


def test_key(run: Run, plane: Control) -> None:
    run("site", "add", "a.example")
    out = run("key", "create", "a.example", "--label", "backend", "--expires-days", "30")
    text = next(word for word in out.split() if word.startswith("sk_"))
    key_id, secret = text.split("_", 2)[1:]
    assert plane.server_keys()[key_id].secret_hash not in (secret.encode(), b"")
    listed = run("key", "list")
    assert "backend" in listed
    assert secret not in listed
    out = run("key", "rotate", key_id, "--overlap-hours", "1")
    assert "sk_" in out
    assert len(plane.server_keys()) == 2
    run("key", "revoke", key_id)
    assert key_id not in plane.server_keys()
    assert "revoked" in run("key", "list", "a.example")
    assert "no key" in run("key", "revoke", key_id, code=1)


def test_wrong_numbers_are_refused_and_named(run: Run, plane: Control) -> None:
    run("site", "add", "a.example")
    key_id = plane.create_key("a.example", now=1_700_000_000_000)[0].key_id
    for option, values in {
        "--rate": ("nan", "inf", "0", "-1"),
        "--burst": ("nan", "inf", "0"),
        "--expires-days": ("nan", "inf", "1e30", "0", "-1"),
    }.items():
        for value in values:
            assert option in run("key", "create", "a.example", option, value, code=2)
    for value in ("nan", "inf", "-1", "1e9"):
        assert "--overlap-hours" in run("key", "rotate", key_id, "--overlap-hours", value, code=2)
    for value in ("nan", "0.3", "1441"):
        assert "--window-minutes" in run("site", "add", "b.example", "--window-minutes", value, code=2)
        assert "--window-minutes" in run("site", "set", "a.example", "--window-minutes", value, code=2)
    assert [key.key_id for key in plane.list_keys()] == [key_id]
    assert list(plane.sites().by_id) == ["a.example"]
    assert "nan" not in run("key", "list")


def test_a_second_rotation_names_the_successor(run: Run, plane: Control) -> None:
    run("site", "add", "a.example")
    old = plane.create_key("a.example", now=1_700_000_000_000)[0].key_id
    run("key", "rotate", old)
    (new,) = {key.key_id for key in plane.list_keys()} - {old}
    assert new in run("key", "rotate", old, code=1)
    assert f"active, followed by {new}" in run("key", "list")


def test_a_place_is_a_time_zone_the_machines_own_is_none(run: Run, plane: Control) -> None:
    run("site", "add", "a.example")
    for name in ("localtime", "posixrules", "right/Europe/Berlin"):
        assert "not a time zone" in run("site", "set", "a.example", "--timezone", name, code=1)
    assert plane.site("a.example").timezone == "UTC"


def test_a_default_window_no_site_may_have_names_the_setting(
    run: Run, plane: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOOTFALL_SESSION_WINDOW_MINUTES", "0.3")
    assert "FOOTFALL_SESSION_WINDOW_MINUTES" in run("site", "add", "a.example", code=2)


def test_repair_of_no_day_at_all_is_refused(run: Run, plane: Control) -> None:
    out = run("repair", "--site", "a.example", "--from", "2016-01-01", "--to", "2015-01-01", code=2)
    assert "2016-01-01 is after --to 2015-01-01" in out
