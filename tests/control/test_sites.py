from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control import Control, ControlError, NotFoundError
from control.domains import normalise_domain
from control.names import check_endpoint_path, check_script_name
from footfall.sites import Goal

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Shop.Example.COM", "shop.example.com"),
        ("https://shop.example.com:8443/path?x=1", "shop.example.com"),
        ("Bücher.example", "xn--bcher-kva.example"),
        (" shop.example.com. ", "shop.example.com"),
        ("localhost:3000", "localhost"),
    ],
)
def test_a_domain_is_normalised(text: str, domain: str) -> None:
    assert normalise_domain(text) == domain


@pytest.mark.parametrize("text", ["", "a b.com", "-x.com", "a..b", "x" * 64 + ".com", ".".join(["abc"] * 70)])
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(ControlError):
        normalise_domain(text)


@given(st.text())
def test_any_text_is_a_domain_or_a_control_error(text: str) -> None:
    try:
        domain = normalise_domain(text)
    except ControlError:
        return
    assert normalise_domain(domain) == domain


def test_a_site_is_made_and_read_back(plane: Control) -> None:
    site = plane.add_site("Shop.example.com", now=NOW, timezone="Asia/Kathmandu", currency="eur")
    assert site.site_id == "shop.example.com"
    assert site.public_id.startswith("pub_")
    assert (site.timezone, site.currency, site.domains) == ("Asia/Kathmandu", "EUR", ("shop.example.com",))
    assert plane.sites().get("shop.example.com") == site


def test_a_domain_belongs_to_one_site(plane: Control) -> None:
    plane.add_site("a.example", now=NOW, domains=["b.example"])
    with pytest.raises(ControlError, match="already"):
        plane.add_site("b.example", now=NOW)
    plane.add_site("c.example", now=NOW)
    with pytest.raises(ControlError, match="already"):
        plane.add_domain("c.example", "A.EXAMPLE")
    assert plane.site("b.example").site_id == "a.example"


def test_the_last_domain_stays(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    with pytest.raises(ControlError, match="only domain"):
        plane.remove_domain("a.example", "a.example")
    plane.add_domain("a.example", "b.example")
    assert plane.remove_domain("a.example", "a.example").domains == ("b.example",)
    assert plane.site("a.example").site_id == "a.example"  # the id outlives the domain


@pytest.mark.parametrize(
    "wrong",
    [
        {"timezone": "Mars/Olympus"}, {"timezone": "../etc"}, {"currency": "EURO"}, {"window_ms": 1},
        {"timezone": "localtime"}, {"timezone": "posixrules"}, {"timezone": "Factory"}, {"timezone": ""},
        {"timezone": "right/Europe/Berlin"}, {"timezone": "posix/UTC"},
    ],
)  # fmt: skip
def test_wrong_settings_are_refused(plane: Control, wrong: dict[str, object]) -> None:
    with pytest.raises(ControlError):
        plane.add_site("a.example", now=NOW, **wrong)  # type: ignore[arg-type]  # the point of the test
    assert plane.sites().by_id == {}


def test_a_window_is_valid_ten_seconds_later(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    plane.set_window("a.example", 3_600_000, now=NOW)
    site = plane.site("a.example")
    assert site.window_ms(NOW + 9_999) == 1_800_000
    assert site.window_ms(NOW + 10_000) == 3_600_000
    assert site.window_ms(0) == 1_800_000
    plane.set_window("a.example", 60_000, now=NOW - 5_000)  # a clock that went back replaces what is later
    assert plane.site("a.example").window_ms(NOW + 10_000) == 60_000


def test_goals(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    goal = Goal(name="paid", event="purchase", path="/thanks/*", props=(("plan", "pro"),))
    plane.set_goal("a.example", Goal(name="paid", event="other"))
    plane.set_goal("a.example", goal)
    assert plane.site("a.example").goals == (goal,)
    plane.remove_goal("a.example", "paid")
    assert plane.site("a.example").goals == ()
    with pytest.raises(NotFoundError):
        plane.remove_goal("a.example", "paid")
    with pytest.raises(ControlError):
        plane.set_goal("a.example", Goal(name="empty"))


def test_excluded_paths(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    assert plane.set_excluded_paths("a.example", ["/b/**", "/a"]).excluded_paths == ("/a", "/b/**")
    assert plane.set_excluded_paths("a.example", []).excluded_paths == ()


def test_names_are_sorted_alike_everywhere(plane: Control) -> None:
    for domain in ("b.example", "a-b.example", "a.example", "ab.example"):
        plane.add_site(domain, now=NOW)
    assert list(plane.sites().by_id) == ["a-b.example", "a.example", "ab.example", "b.example"]
    paths = plane.set_excluded_paths("a.example", ["/b", "/A", "/a", "/_", "/\xe4", "/B"]).excluded_paths
    assert paths == ("/A", "/B", "/_", "/a", "/b", "/\xe4")
    for name in ("b", "A", "a", "B", "-"):
        plane.set_goal("a.example", Goal(name=name, event="x"))
    assert [goal.name for goal in plane.site("a.example").goals] == ["-", "A", "B", "a", "b"]


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE site; --", "%s %(name)s :x ?", "\xe4\u6f22\U0001f600", "\t\n\x7f", "NULL"]
)
def test_any_text_comes_back_as_it_was(plane: Control, text: str) -> None:
    plane.add_site("a.example", now=NOW)
    goal = Goal(name=text, event=text, path=f"/{text}", props=((text, "\0" + text),))
    plane.set_goal("a.example", goal)
    plane.set_excluded_paths("a.example", [f"/{text}"])
    plane.set_setting(text, text)
    info, _ = plane.create_key("a.example", now=NOW, label=text)
    assert plane.site("a.example").goals == (goal,)
    assert plane.site("a.example").excluded_paths == (f"/{text}",)
    assert plane.setting(text) == text
    assert plane.key(info.key_id).label == text


@pytest.mark.parametrize("text", ["/a\0b", "/\ud800", "/" + "\u6f22" * 700])
def test_text_no_database_holds_is_refused(plane: Control, text: str) -> None:
    plane.add_site("a.example", now=NOW)
    for wrong in (Goal(name="g", path=text), Goal(name="g", event=text), Goal(name=text, event="x")):
        with pytest.raises(ControlError):
            plane.set_goal("a.example", wrong)
    with pytest.raises(ControlError):
        plane.set_excluded_paths("a.example", [text])
    with pytest.raises(ControlError):
        plane.set_setting(text, "x")
    assert plane.site("a.example").goals == ()


def test_the_longest_path_of_the_longest_name_fits(plane: Control) -> None:
    site = plane.add_site(".".join(["abcdefghi" * 6] * 4 + ["x" * 30]), now=NOW)
    assert len(site.site_id) > 240
    path = "/" + secrets.token_urlsafe(2000)[:2047]  # nothing that could be compressed
    assert plane.set_excluded_paths(site.site_id, [path]).excluded_paths == (path,)
    plane.set_goal(site.site_id, Goal(name="\u6f22" * 64, event="\u6f22" * 64, path=path))
    assert plane.site(site.site_id).goals[0].path == path


def test_removing_a_site_takes_all_that_is_its(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    plane.set_goal("a.example", Goal(name="g", event="x"))
    plane.create_key("a.example", now=NOW)
    plane.remove_site("a.example")
    assert plane.sites().by_id == {}
    assert plane.server_keys() == {}
    with pytest.raises(NotFoundError):
        plane.remove_site("a.example")
    assert plane.add_site("a.example", now=NOW).goals == ()


def test_a_site_may_have_names_of_its_own_and_goes_back_to_those_of_all(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    assert (plane.site("a.example").script_name, plane.site("a.example").endpoint_path) == ("", "")
    named = plane.set_names("a.example", script_name="shop.js", endpoint_path="/s/collect")
    assert (named.script_name, named.endpoint_path) == ("shop.js", "/s/collect")
    assert plane.set_names("a.example") == named
    assert plane.set_names("a.example", script_name="shop.js") == named  # its own again
    assert plane.set_names("a.example", script_name="").endpoint_path == "/s/collect"
    assert plane.set_names("a.example", endpoint_path="").endpoint_path == ""
    with pytest.raises(NotFoundError):
        plane.set_names("b.example", script_name="b.js")


def test_names_belong_to_one_site(plane: Control) -> None:
    plane.add_site("a.example", now=NOW)
    plane.add_site("b.example", now=NOW)
    plane.set_names("a.example", script_name="shop.js", endpoint_path="/s/collect")
    before = plane.site("b.example")
    with pytest.raises(ControlError, match=r"another site has shop\.js"):
        plane.set_names("b.example", script_name="shop.js")
    with pytest.raises(ControlError, match=r"another site has .*/s/collect"):
        plane.set_names("b.example", script_name="other.js", endpoint_path="/s/collect")
    assert plane.site("b.example") == before
    plane.remove_site("a.example")
    assert plane.set_names("b.example", script_name="shop.js").script_name == "shop.js"


@pytest.mark.parametrize(
    "name",
    [
        "shop",
        "Shop.js",
        "a/b.js",
        "shop.min.js",
        "-a.js",
        "../f.js",
        "x" * 62 + ".js",
        "f.js",
        "pixel.js",
        "f-1.js",
    ],
)
def test_what_is_no_script_name_or_reserved_is_refused(name: str) -> None:
    with pytest.raises(ControlError, match=r"choose another|give one like"):
        check_script_name(name)


@pytest.mark.parametrize(
    "path",
    [
        "collect",
        "/",
        "/a/",
        "//a",
        "/a.js",
        "/A",
        "/a?b",
        "/" + "x" * 128,
        "/v1/batch",
        "/v2",
        "/api/x",
        "/healthz",
        "/metrics",
        "/readyz",
    ],
)
def test_what_is_no_endpoint_path_or_reserved_is_refused(path: str) -> None:
    with pytest.raises(ControlError, match=r"choose a path|give one like"):
        check_endpoint_path(path)
