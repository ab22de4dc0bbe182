"""Goals and path patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.enrich import goals_reached, prop_text
from footfall.enrich.goals import PropValue
from footfall.enrich.patterns import compile_pattern
from footfall.sites import Goal, Site
from tests.enrich.make import batch_of, event

SITE = Site(
    site_id="shop",
    domains=("example.com",),
    goals=(
        Goal(name="thanks", event="page_view", path="/thanks"),
        Goal(name="any_docs", path="/docs/**"),
        Goal(name="plan", event="signup", props=(("plan", "pro"), ("seats", "5"))),
        Goal(name="nothing"),
        Goal(name="bought", event="purchase"),
        Goal(name="bought", event="purchase", path="/docs/**"),
    ),
)


@pytest.mark.parametrize(
    ("name", "path", "props", "goals"),
    [
        ("page_view", "/thanks", {}, ("thanks",)),
        ("page_view", "/thanks/you", {}, ()),
        ("click", "/thanks", {}, ()),
        ("click", "/docs/a/b", {}, ("any_docs",)),
        ("page_view", "/docs/", {}, ("any_docs",)),
        ("signup", "/docs/x", {"plan": "pro", "seats": 5}, ("any_docs", "plan")),
        ("signup", "/", {"plan": "pro", "seats": "5"}, ("plan",)),
        ("signup", "/", {"plan": "pro", "seats": 5.0}, ("plan",)),
        ("signup", "/", {"plan": "pro"}, ()),
        ("purchase", "/docs/x", {}, ("any_docs", "bought")),
        ("", "", {}, ()),
    ],
)
def test_goals_reached(name: str, path: str, props: dict[str, PropValue], goals: tuple[str, ...]) -> None:
    assert goals_reached(SITE, name, path, props) == goals
    made = event(name, url=f"https://example.com{path}" if path else "", props=props)
    assert batch_of(made, site=SITE).goals == [goals]


def test_another_site_object_has_its_own_goals() -> None:
    other = Site(site_id="shop", goals=(Goal(name="x", event="page_view"),))
    assert goals_reached(other, "page_view", "/", {}) == ("x",)
    assert goals_reached(SITE, "page_view", "/", {}) == ()


def test_goals_see_what_is_stored() -> None:
    site = Site(site_id="shop", goals=(Goal(name="mail", props=(("to", "[email]"),)),))
    assert batch_of(event(props={"to": "jane@example.org"}), site=site).goals == [("mail",)]


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (True, "true"), (False, "false"), (None, ""), (3, "3"), (3.0, "3"), (1.5, "1.5")],
)
def test_props_as_text(value: PropValue, text: str) -> None:
    assert prop_text(value) == text


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("/a", ["/a"], ["/a/", "/ab", "/"]),
        ("/a/*", ["/a/", "/a/b"], ["/a", "/a/b/c"]),
        ("/a/**", ["/a/", "/a/b/c"], ["/a", "/b"]),
        ("/*/p-*", ["/c/p-1", "//p-"], ["/c/d/p-1", "/c/p"]),
        ("**/done", ["/done", "/a/b/done"], ["/done/x"]),
        ("/**/a*z", ["/x/az", "/ab/az", "/x/y/abcz"], ["/az", "/x/a/z"]),
        ("/a.b", ["/a.b"], ["/axb"]),
    ],
)
def test_patterns(pattern: str, fits: list[str], fails: list[str]) -> None:
    matches = compile_pattern(pattern)
    assert [path for path in fits if not matches(path)] == []
    assert [path for path in fails if matches(path)] == []


@given(st.text("/ab*", max_size=8), st.text("/ab", max_size=10))
@settings(max_examples=1500)
def test_patterns_mean_what_their_regular_expression_means(pattern: str, path: str) -> None:
    pieces = re.split(r"(\*+)", pattern)
    regex = "".join({"*": "[^/]*", "": ""}.get(p, ".*" if p[:1] == "*" else re.escape(p)) for p in pieces)
    assert compile_pattern(pattern)(path) == (re.fullmatch(regex, path) is not None)
