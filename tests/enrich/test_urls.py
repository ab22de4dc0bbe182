"""URLs: the hand-made split says what urllib says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.enrich.landing import locate
from footfall.enrich.urls import Parts, _split_any, _split_common, split_url

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
ODD = st.text("abcXYZ019.-_~:/?#[]@!$&'()*+,;=%\\ \t\n|é", max_size=30)
URLS = st.one_of(
    st.builds("http{}://{}{}".format, st.sampled_from(["", "s"]), ODD, ODD),
    st.builds("https://shop.example.com/{}?{}#{}".format, ODD, ODD, TEXT),
    st.builds("https://shop.example.com{}".format, ODD),
    st.text(max_size=40),
)


@given(URLS)
@settings(max_examples=1500)
def test_the_hand_made_split_agrees_with_urllib(url: str) -> None:
    common = _split_common(url)
    assert common is None or common == _split_any(url)


@given(URLS)
def test_any_text_gives_parts(url: str) -> None:
    parts = split_url(url)
    assert parts.host == parts.host.lower()
    assert not parts.host or parts.path


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.com/",
        "http://a.b/c/d?e=f&g=%20#h",
        "https://WWW.Example.COM?x",
        "https://a.b/#/r?q=1",
    ],
)
def test_the_common_form_is_split_by_hand(url: str) -> None:
    assert _split_common(url) is not None


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://WWW.Example.com", Parts("https", "www.example.com", "/", "")),
        ("https://example.com:443/a#top", Parts("https", "example.com", "/a", "")),
        ("http://example.com:80/a", Parts("http", "example.com", "/a", "")),
        ("https://example.com:8443/a", Parts("https", "example.com:8443", "/a", "")),
        ("https://user:pw@example.com/a", Parts("https", "example.com", "/a", "")),
        ("https://example.com/app#/users/1?tab=2", Parts("https", "example.com", "/app#/users/1", "tab=2")),
        ("https://example.com/?a=1#!/x?b=2", Parts("https", "example.com", "/#!/x", "a=1&b=2")),
        ("https://example.com./a", Parts("https", "example.com", "/a", "")),
        ("http://[2001:DB8::1]:8080/a", Parts("http", "[2001:db8::1]:8080", "/a", "")),
        ("/pricing?x=1", Parts("", "", "/pricing", "x=1")),
        ("about:blank", Parts("about", "", "", "")),
        ("mailto:jane@example.org", Parts("mailto", "", "", "")),
        ("http://[broken/", Parts("", "", "", "")),
        ("https://example.com:port/", Parts("https", "example.com", "/", "")),
        ("", Parts("", "", "", "")),
    ],
)
def test_parts(url: str, parts: Parts) -> None:
    assert split_url(url) == parts


def test_the_query_keeps_what_is_no_campaign() -> None:
    location = locate(
        "https://example.com/p?a=1&utm_source=x&gclid=Zz9&_ga=2.1&b=two%20words&UTM_Medium=email&gad_campaignid=7"
    )
    assert location.page.query == "a=1&b=two%20words"
    assert location.campaign is not None
    assert (location.campaign.source, location.campaign.medium) == ("x", "email")
    assert location.campaign.click_id == "gclid"


def test_the_click_ids_value_is_nowhere() -> None:
    assert "SECRETVALUE" not in repr(locate("https://example.com/?fbclid=SECRETVALUE&x=1"))


def test_path_and_query_are_redacted() -> None:
    page = locate(
        "https://example.com/u/jane%40example.org/x?q=4111+1111+1111+1111&token=abc&phone=0301234567"
    ).page
    assert page.path == "/u/[email]/x"
    assert page.query == "q=[card]&token=[token]&phone=[phone]"


def test_campaign_values_are_decoded_and_redacted() -> None:
    campaign = locate("https://example.com/?utm_campaign=Sp%C3%BCl+los&utm_content=jane@example.org").campaign
    assert campaign is not None
    assert (campaign.name, campaign.content) == ("Spül los", "[email]")


def test_empty_parameters_are_no_campaign() -> None:
    assert locate("https://example.com/?utm_source=&gclid=").campaign is None
