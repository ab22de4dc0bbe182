"""A Content Security Policy, a page and its tag: what is allowed, what is not; and where a tag sends to."""

from __future__ import annotations

from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.site_checking.fetching import Answer
from cli.site_checking.page import endpoint_of, read_page
from cli.site_checking.policy import only_by_hash, parse, refused_connect, refused_script

PAGE = "https://shop.example.com/a"
SRC = "https://stats.example.com/f.js"


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ("", True),
        ("img-src 'none'", True),
        ("default-src 'none'", False),
        ("default-src 'self'", False),
        ("default-src 'none'; script-src *", True),
        ("script-src https://stats.example.com", True),
        ("script-src http://stats.example.com", True),
        ("script-src stats.example.com", True),
        ("SCRIPT-SRC STATS.EXAMPLE.COM", True),
        ("script-src *.example.com", True),
        ("script-src *.stats.example.com", False),
        ("script-src example.com", False),
        ("script-src https:", True),
        ("script-src http:", True),
        ("script-src wss:", False),
        ("script-src stats.example.com:443", True),
        ("script-src stats.example.com:*", True),
        ("script-src stats.example.com:8443", False),
        ("script-src stats.example.com/f.js", True),
        ("script-src stats.example.com/js/", False),
        ("script-src stats.example.com/", True),
        ("script-src 'nonce-abc'", True),
        ("script-src 'nonce-ABC'", False),
        ("script-src 'sha256-xyz'", True),
        ("script-src 'strict-dynamic' https:", False),
        ("script-src 'strict-dynamic' 'nonce-abc'", True),
        ("script-src 'none'; script-src-elem https:", True),
        ("script-src https:; script-src 'none'", True),
        ("script-src https:, default-src 'none'", False),
        ("script-src", False),
        ("script-src https://[::1 stats.example.com:99999", False),
        (";;", True),
    ],
)
def test_a_script(policy: str, allowed: bool) -> None:
    refused = refused_script(parse([policy]), PAGE, SRC, "abc", "sha256-xyz")
    assert bool(refused) is not allowed


def test_every_policy_has_to_allow_it() -> None:
    assert (
        refused_script(parse(["script-src https:", "script-src 'self'"]), PAGE, SRC, "", "") == "script-src 'self'"
    )


@pytest.mark.parametrize(
    ("policy", "url", "allowed"),
    [
        ("connect-src 'self'", "https://shop.example.com/s/collect", True),
        ("connect-src 'self'", SRC, False),
        ("default-src 'self'", SRC, False),
        ("script-src 'none'", SRC, True),
        ("connect-src 'self' https://stats.example.com", SRC, True),
        ("connect-src [::1]:8080", "https://[::1]:8080/v1/batch", True),
        ("connect-src 127.0.0.1:8080", "https://127.0.0.1:8080/v1/batch", True),
    ],
)
def test_a_connection(policy: str, url: str, allowed: bool) -> None:
    assert bool(refused_connect(parse([policy]), PAGE, url)) is not allowed


def test_parts_have_no_hash() -> None:
    assert only_by_hash(parse(["script-src 'sha256-xyz'"]), PAGE, SRC, "")
    assert not only_by_hash(parse(["script-src 'sha256-xyz' 'strict-dynamic'"]), PAGE, SRC, "")
    assert not only_by_hash(parse(["script-src 'sha256-xyz' https:"]), PAGE, SRC, "")


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("", "https://stats.example.com/v1/batch"),
        ("/s/collect", "https://stats.example.com/s/collect"),
        ("https://other.example/s", "https://other.example/s"),
    ],
)
def test_where_a_tag_sends_to(endpoint: str, found: str) -> None:
    assert endpoint_of(SRC, endpoint) == found


PIECES = (
    "<script |<![foo|<![CDATA[|]]>|<!--|-->|<base |<meta |<img |>|'|\"|=| |src=|data-site=|data-endpoint=|href=|"
    "content=|http-equiv=Content-Security-Policy |pub_x|f.js|http://[|//a:99999/|/v1/pixel.gif|</script>|\x00|&#x110000;"
)
HTML = st.lists(st.sampled_from(PIECES.split("|"))).map("".join)


@given(HTML)
def test_any_html_can_be_read(html: str) -> None:
    page = read_page(Answer(PAGE, 200, Message(), html.encode(), False), ())
    assert all(tag.src and tag.endpoint for tag in page.tags)


@given(st.text("'-:/[]*.;, abz0189", max_size=60))
def test_any_policy_can_be_read(text: str) -> None:
    assert isinstance(refused_script(parse([f"script-src {text}"]), PAGE, SRC, "n", "sha256-x"), str)


@pytest.mark.parametrize(
    "before", ["<![if IE]>", "<![foo[x]]>", "<!DOCTYPE [ <b>", "<a href='x'>", "<base href='/b/'>"]
)
def test_a_tag_is_found_behind(before: str) -> None:
    html = f'{before}<script src="../f.js" data-site=pub_x></script>'
    page = read_page(Answer(PAGE, 200, Message(), html.encode(), False), ())
    assert [tag.src for tag in page.tags] == ["https://shop.example.com/f.js"]


def test_another_tool_that_has_data_site_is_no_tag() -> None:
    html = '<script src="https://cdn.example/script.js" data-site="ABCDEF"></script><script src="/f.js"></script>'
    assert read_page(Answer(PAGE, 200, Message(), html.encode(), False), ()).tags == []
