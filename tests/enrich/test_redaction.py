"""Redaction of events: a copy where needed, the same object where not."""

from __future__ import annotations

from footfall.enrich.redaction import redact_event
from footfall.event import Element, Failure, Form, Search
from tests.enrich.make import batch_of, event

MAIL = "jane@example.org"


def test_every_free_text_is_redacted() -> None:
    made = event(
        "click",
        title=f"Mail to {MAIL}",
        element=Element(tag="a", text=MAIL, href=f"mailto:{MAIL}", selector=f'a[href="mailto:{MAIL}"]', id=MAIL),
        form=Form(id="signup", message=f"{MAIL} is taken"),
        search=Search(term="4111 1111 1111 1111"),
        error=Failure(message=f"no {MAIL}", source=f"https://x.org/?m={MAIL}", stack=f"at {MAIL}\n" * 100),
        props={"to": MAIL, "card": 4111111111111111, "password": "x", "phone": "0301234567", "n": 3, "ok": True},
    )
    batch = batch_of(made)
    assert MAIL not in repr(batch.events)
    clean = batch.events[0]
    assert clean.props == {
        "to": "[email]", "card": "[card]", "password": "[token]", "phone": "[phone]", "n": 3, "ok": True,
    }  # fmt: skip
    assert clean.search == Search(term="[card]")
    assert clean.element is not None
    assert clean.element.tag == "a"
    assert batch_of(clean).events[0] is clean  # once is enough, and costs no copy
    assert made.title == f"Mail to {MAIL}"  # the record is not changed


def test_secrets_in_links() -> None:
    made = event("click", element=Element(tag="a", href="/reset?token=abc&page=2"))
    element = batch_of(made).events[0].element
    assert element == Element(tag="a", href="/reset?token=[token]&page=2")


def test_an_event_for_quarantine() -> None:
    clean = redact_event(event(url=f"https://example.com/?m={MAIL}&password=x", referrer=f"https://x.org/{MAIL}"))
    assert clean.url == "https://example.com/?m=[email]&password=[token]"
    assert clean.referrer == "https://x.org/[email]"
    assert redact_event(clean) == clean


def test_ids_the_owner_chose_stay() -> None:
    made = event("identify", user_id=MAIL, form=Form(id=MAIL, name=MAIL, field=MAIL))
    assert batch_of(made).events[0] is made


def test_types_of_props_stay() -> None:
    props = {"a": 1760000000000, "b": 1.5, "c": None, "d": False, "e": "plain", "token": None, "tel": 0}
    assert batch_of(event(props=props)).events[0].props == props
