"""Channels: GA4's cases, our source list, click ids."""

from __future__ import annotations

import csv
import json

import pytest

from footfall.enrich.arrival import NETWORKS
from footfall.enrich.channels import CHANNELS, channel_of
from footfall.enrich.landing import CLICK_IDS
from footfall.enrich.sources import CATEGORIES, SHOPPING, category_of_host, category_of_source
from footfall.enrich.wordlists import word_list
from tests.enrich.make import DATA, batch_of, event, needs_data, traffic_of

CASES = DATA / "channels/ga4_channel_cases.json"
SOURCES = DATA / "channels/ga4_source_categories.csv"


@needs_data
def test_every_ga4_case() -> None:
    cases = json.loads(CASES.read_text("utf-8"))
    assert len(cases) >= 30
    for case in cases:
        source, medium, campaign = case["utm_source"], case["utm_medium"], case["utm_campaign"]
        got = channel_of(source, medium, campaign, category_of_source(source), tagged=True)
        assert got == case["expected"], case


@needs_data
def test_our_source_list_covers_ga4s() -> None:
    """0.86 measured; of what is not covered nearly all are networks that closed long ago."""
    rows = list(csv.DictReader(SOURCES.read_text("utf-8").splitlines()))
    wanted = {row["source"]: row["source_category"].removeprefix("SOURCE_CATEGORY_").lower() for row in rows}
    ours = {source: category_of_source(source).replace("listing", SHOPPING) for source in wanted}
    agree = sum(ours[source] == wanted[source] for source in wanted)
    assert agree / len(wanted) >= 0.85
    differ = [source for source in wanted if ours[source] not in ("", wanted[source])]
    assert len(differ) / len(wanted) <= 0.02


def test_the_source_list_is_sound() -> None:
    rows = list(csv.reader(word_list("sources.csv")))
    assert all(len(row) == 3 and row[0] == row[0].strip().lower() for row in rows)
    assert {row[1] for row in rows} == CATEGORIES
    assert len({row[0] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("host", "category"),
    [
        ("www.google.com", "search"),
        ("www.google.co.uk", "search"),
        ("google.de", "search"),
        ("mail.google.com", "email"),
        ("gemini.google.com", "ai"),
        ("shopping.google.com", "shopping"),
        ("news.ycombinator.com", "social"),
        ("uk.search.yahoo.com", "search"),
        ("m.facebook.com", "social"),
        ("old.reddit.com", "social"),
        ("t.co", "social"),
        ("m.youtube.com", "video"),
        ("www.amazon.co.jp", "shopping"),
        ("chatgpt.com", "ai"),
        ("www.perplexity.ai", "ai"),
        ("copilot.microsoft.com", "ai"),
        # Whole labels, never substrings.
        ("google.evil.com", ""),
        ("notgoogle.com", ""),
        ("google.com.evil.org", ""),
        ("chatgpt.com.evil.org", ""),
        ("reddit.co", ""),
        ("microsoft.com", ""),
        ("at.co", ""),
        ("blog.example.org", ""),
    ],
)
def test_hosts_by_whole_labels(host: str, category: str) -> None:
    assert category_of_host(host) == category


HOME = "https://shop.example.com/"


@pytest.mark.parametrize(
    ("query", "referrer", "channel"),
    [
        ("", "", "Direct"),
        ("", "https://www.google.com/", "Organic Search"),
        ("", "https://blog.example.org/post", "Referral"),
        ("", "https://chat.openai.com/", "AI Assistants"),
        ("", "https://www.instagram.com/", "Organic Social"),
        ("", "https://www.youtube.com/watch", "Organic Video"),
        ("", "https://www.amazon.de/", "Organic Shopping"),
        ("", "https://mail.google.com/mail", "Email"),
        ("", "android-app://com.google.android.gm/", "Email"),
        ("", "android-app://com.google.android.googlequicksearchbox/", "Organic Search"),
        ("utm_source=chatgpt.com", "", "AI Assistants"),
        ("utm_source=newsletter&utm_medium=email", "", "Email"),
        ("utm_source=unknown&utm_medium=unknown", "https://www.google.com/", "Unassigned"),
        ("utm_campaign=spring", "", "Unassigned"),
        ("utm_campaign=spring", "https://www.bing.com/", "Organic Search"),
        ("gclid=1", "", "Paid Search"),
        ("gclid=1", "https://www.google.com/", "Paid Search"),
        ("gclid=1&utm_source=google&utm_medium=organic", "", "Paid Search"),
        ("gclid=1&utm_source=youtube.com", "", "Paid Video"),
        ("gclid=1&utm_campaign=cross-network", "", "Cross-network"),
        ("gclid=1&utm_campaign=summer-shopping", "", "Paid Shopping"),
        ("wbraid=1", "", "Paid Search"),
        ("gbraid=1", "", "Paid Search"),
        ("msclkid=1&utm_source=bing", "", "Paid Search"),
        ("yclid=1", "", "Paid Search"),
        ("dclid=1", "", "Display"),
        ("ttclid=1", "", "Paid Social"),
        ("twclid=1", "", "Paid Social"),
        ("li_fat_id=1", "", "Paid Social"),
        ("fbclid=1", "", "Organic Social"),
        ("fbclid=1&utm_source=facebook&utm_medium=paid_social", "", "Paid Social"),
        ("mc_eid=1", "", "Email"),
        ("awc=1", "", "Affiliates"),
        ("srsltid=1", "https://www.google.com/", "Organic Shopping"),
    ],
)
def test_channel_of_an_arrival(query: str, referrer: str, channel: str) -> None:
    assert traffic_of(f"{HOME}?{query}", referrer).channel == channel


def test_every_click_id_has_a_network_and_every_channel_is_reachable_by_name() -> None:
    assert set(CLICK_IDS) == set(NETWORKS)
    assert len(set(CHANNELS)) == len(CHANNELS) == 20


def test_what_is_kept_of_an_arrival() -> None:
    url = f"{HOME}?utm_source=google&utm_medium=cpc&utm_campaign=a&utm_term=b&utm_content=c&gclid=1"
    traffic = traffic_of(url, "https://www.google.com/search/jane@example.org?q=secret")
    assert traffic.referrer_host == "www.google.com"
    assert traffic.referrer == "www.google.com/search/[email]"
    assert (traffic.utm_source, traffic.utm_medium, traffic.utm_campaign) == ("google", "cpc", "a")
    assert (traffic.utm_term, traffic.utm_content, traffic.click_id) == ("b", "c", "gclid")


@pytest.mark.parametrize(
    ("name", "url", "referrer", "channel"),
    [
        ("page_view", HOME, "https://example.com/a", ""),  # the site itself
        ("page_view", HOME, "https://www.shop.example.com/a", ""),
        ("page_view", "http://localhost:3000/b", "http://localhost:3000/a", ""),  # the page's own host
        ("page_view", f"{HOME}?utm_source=a&utm_medium=email", "https://example.com/", "Email"),
        ("page_view", "http://192.168.1.5/b", "http://192.168.1.5/a", ""),
        ("path_change", HOME, "", ""),
        ("path_change", HOME, "https://www.google.com/", "Organic Search"),
        ("click", f"{HOME}?gclid=1", "https://www.google.com/", ""),  # no page event
        ("page_view", HOME, "about:blank", "Direct"),
        ("page_view", HOME, "garbage", "Direct"),
    ],
)
def test_internal_and_direct(name: str, url: str, referrer: str, channel: str) -> None:
    traffic = traffic_of(url, referrer, name)
    assert traffic.channel == channel
    assert traffic.referrer_host == ("www.google.com" if channel == "Organic Search" else "")


def test_hosts_that_are_addresses_are_not_shown() -> None:
    assert traffic_of(HOME, "http://203.0.113.7:8080/x").referrer == "[ip]/x"
    assert traffic_of(HOME, "http://[2001:db8::1]/x").referrer_host == "[ip]"
    assert traffic_of(HOME, "https://xn----8sbhefaln6acifdaon5c6f4axh.xn--p1ai/").referrer_host.endswith("p1ai")


def test_arrivals_are_shared_objects() -> None:
    one = event(url=f"{HOME}?utm_source=x", referrer="https://www.google.com/")
    traffic = batch_of(one, one).traffic
    assert traffic[0] is traffic[1]
