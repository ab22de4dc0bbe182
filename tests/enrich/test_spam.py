"""Referrer spam: our list, a longer one from outside."""

from __future__ import annotations

from footfall.enrich.context import Context
from footfall.enrich.sources import SPAM_DOMAINS, category_of_host
from footfall.enrich.wordlists import read_domains
from footfall.names import DropReason
from tests.enrich.make import DATA, event, needs_data, run


def test_our_list_holds_no_known_source() -> None:
    assert len(SPAM_DOMAINS) > 50
    assert [domain for domain in SPAM_DOMAINS if category_of_host(domain)] == []


@needs_data
def test_a_list_given_by_the_caller() -> None:
    spam = read_domains((DATA / "channels/spammers.txt").read_text("utf-8"))
    assert len(spam) > 2000
    context = Context(spam=spam)
    for domain in spam:
        made = [event(referrer=f"https://www.{domain}/x"), event(referrer=f"http://{domain}")]
        assert [reason for _, reason in run(*made, context=context).dropped] == [DropReason.REFERRER_SPAM] * 2
    clean = [event(referrer=f"https://{host}/") for host in ("www.google.com", "chatgpt.com", "blog.example.org")]
    assert run(*clean, context=context).dropped == []


def test_comments_and_blank_lines_of_a_list() -> None:
    assert read_domains("# a\n\nExample.COM.\n b.org # c\n") == {"example.com", "b.org"}
