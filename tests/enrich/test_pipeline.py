"""The pipeline as a whole: every event is stored, dropped or failed, exactly once."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.enrich import PIPELINE, Context, Step, enrich, pipeline
from footfall.enrich.batch import INTERNAL, EnrichedBatch
from footfall.names import DropReason, Source
from footfall.record import LogEvent, Record
from footfall.sites import Goal, Site
from tests.enrich.make import RECEIVED, SITE, event, record, run
from tests.properties import examples

COLUMNS = ("events", "index", "occurred", "pages", "traffic", "goals")
URLS = st.one_of(
    st.text(max_size=80),
    st.builds("https://{}/{}?{}#{}".format, *[st.text(max_size=20) for _ in range(4)]),
    st.builds("https://shop.example.com/{}?utm_source={}&x={}".format, *[st.text(max_size=20) for _ in range(3)]),
)
EVENTS = st.builds(
    LogEvent,
    name=st.one_of(st.sampled_from(["page_view", "path_change", "click", "purchase"]), st.text(max_size=10)),
    event_id=st.binary(min_size=16, max_size=16),
    occurred_at=st.integers(0, 253_402_300_799_999),
    url=URLS,
    referrer=URLS,
    title=st.text(max_size=60),
    props=st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=30)),
        max_size=3,
    ),
)
RECORDS = st.builds(
    Record,
    site_id=st.just("shop"),
    source=st.sampled_from([source.value for source in Source]),
    received_at=st.integers(0, 253_402_300_799_999),
    sent_at=st.integers(0, 253_402_300_799_999),
    address=st.one_of(st.just("81.2.69.0"), st.text(max_size=12)),
    country=st.text(max_size=3),
    user_agent=st.text(max_size=60),
    client_hints=st.text(max_size=60),
    language=st.text(max_size=20),
    events=st.lists(EVENTS, max_size=6),
)
BUSY = Site(
    site_id="shop",
    domains=("example.com",),
    excluded_paths=("/private/**",),
    goals=(Goal(name="buy", event="purchase"), Goal(name="a", path="/a*"), Goal(name="p", props=(("k", "1"),))),
)
SHARED = Context()


@given(RECORDS)
@examples(400)
def test_never_raises_and_accounts_for_every_event(made: Record) -> None:
    result = enrich(made, BUSY, SHARED)
    assert result.failed == []
    batch = result.batch
    dropped = [place for place, _ in result.dropped]
    assert sorted([*batch.index, *dropped]) == list(range(len(made.events)))
    assert {len(getattr(batch, column)) for column in COLUMNS} == {len(batch.index)}
    assert all(0 <= at <= made.received_at for at in batch.occurred)


@given(RECORDS)
@examples(100)
def test_pure_and_independent_of_what_is_remembered(made: Record) -> None:
    before = copy.deepcopy(made)
    warm = enrich(made, BUSY, SHARED)
    cold = enrich(made, BUSY, Context())
    assert msgspec.msgpack.encode(made) == msgspec.msgpack.encode(before)
    for column in COLUMNS:
        assert repr(getattr(warm.batch, column)) == repr(getattr(cold.batch, column))
    assert warm.dropped == cold.dropped


@given(RECORDS)
@examples(100)
def test_an_event_does_not_depend_on_its_record_mates(made: Record) -> None:
    whole = enrich(made, BUSY, SHARED)
    for place, index in enumerate(whole.batch.index):
        single = enrich(msgspec.structs.replace(made, events=[made.events[index]]), BUSY, SHARED).batch
        assert (single.pages, single.traffic, single.goals, single.occurred) == (
            [whole.batch.pages[place]], [whole.batch.traffic[place]],
            [whole.batch.goals[place]], [whole.batch.occurred[place]],
        )  # fmt: skip


def test_step_names_are_permanent() -> None:
    assert [step.name for step in PIPELINE] == [
        "clock", "pages", "foreign_host", "excluded", "traffic", "referrer_spam",
        "agent", "bots", "geo", "language", "redaction", "goals",
    ]  # fmt: skip


def _poisoned(batch: EnrichedBatch, context: Context) -> None:
    for made in batch.events:
        if made.name == "poison":
            raise KeyError("jane@example.org")


def test_a_poisonous_event_is_a_value_and_the_others_live(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (*PIPELINE[:4], Step("poisoned", _poisoned), *PIPELINE[4:])
    monkeypatch.setattr(pipeline, "PIPELINE", steps)
    foreign = event(url="https://elsewhere.org/")
    result = run(event(), event("poison"), foreign, event("click"), event("poison"))
    assert result.failed == [(1, "poisoned", "KeyError: '[email]'"), (4, "poisoned", "KeyError: '[email]'")]
    assert result.dropped == [(2, DropReason.FOREIGN_HOST)]
    assert result.batch.index == [0, 3]
    assert [made.name for made in result.batch.events] == ["page_view", "click"]
    assert result.batch.device.browser == "Chrome"
    assert {len(getattr(result.batch, column)) for column in COLUMNS} == {2}


# --- one test for each drop reason -----------------------------------------------------


def drops(*events: LogEvent, **fields: Any) -> list[tuple[int, DropReason]]:
    return run(*events, **fields).dropped


def test_drop_referrer_spam() -> None:
    spam = event(referrer="https://best.semalt.com/crawler.php")
    assert drops(event(), spam) == [(1, DropReason.REFERRER_SPAM)]
    assert drops(spam, source=Source.IMPORT.value) == [(0, DropReason.REFERRER_SPAM)]
    assert drops(spam, source=Source.SERVER.value) == []
    assert drops(event(referrer="https://notsemalt.com/")) == []


def test_drop_foreign_host() -> None:
    foreign = event(url="https://example.com.evil.org/")
    assert drops(foreign, event()) == [(0, DropReason.FOREIGN_HOST)]
    assert drops(event(url="https://notexample.com/")) == [(0, DropReason.FOREIGN_HOST)]
    assert drops(foreign, source=Source.SERVER.value) == []
    assert drops(foreign, source=Source.IMPORT.value) == []
    assert drops(event(url="http://localhost:3000/"), event(url="https://x-12.vercel.app/")) == []
    assert drops(event("custom thing", url="")) == []
    assert drops(foreign, site=Site(site_id="shop")) == []


def test_drop_excluded() -> None:
    site = Site(site_id="shop", domains=("example.com",), excluded_paths=("/admin/**", "/health"))
    pages = [event(url=f"https://example.com{path}") for path in ("/admin/x/y", "/health", "/healthy", "/")]
    assert drops(*pages, site=site) == [(0, DropReason.EXCLUDED), (1, DropReason.EXCLUDED)]


def test_every_drop_reason_is_tested() -> None:
    assert {f"test_drop_{reason.value}" for reason in DropReason} <= set(globals())


# --- clock -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "occurred_at", "sent_at", "expected"),
    [
        (Source.BROWSER, RECEIVED - 9_000, RECEIVED - 5_000, RECEIVED - 4_000),  # clock 5 s behind
        (Source.BROWSER, RECEIVED + 50_000, RECEIVED + 60_000, RECEIVED - 10_000),  # clock ahead
        (Source.BROWSER, RECEIVED - 9_000, 0, RECEIVED - 9_000),  # skew unknown
        (Source.BROWSER, 0, RECEIVED - 5_000, RECEIVED),  # time unknown
        (Source.BROWSER, RECEIVED + 1, 0, RECEIVED),  # the future
        (Source.BROWSER, 5, RECEIVED * 2, 0),  # before all time
        (Source.SERVER, RECEIVED - 9_000, RECEIVED - 5_000, RECEIVED - 9_000),  # absolute
        (Source.IMPORT, 1_000, RECEIVED - 5_000, 1_000),  # keeps its own
        (Source.REPLAY, RECEIVED - 9_000, RECEIVED - 5_000, RECEIVED - 4_000),
    ],
)
def test_clock(source: Source, occurred_at: int, sent_at: int, expected: int) -> None:
    batch = run(event(occurred_at=occurred_at), source=source.value, sent_at=sent_at).batch
    assert batch.occurred == [expected]


def test_language_geo_and_bots_of_a_record() -> None:
    batch = run(event(), language="de-at,en;q=0.5", country="at", user_agent="curl/8.5").batch
    assert (batch.language, batch.geo.country, batch.bot) == ("de-AT", "AT", "library")
    assert run(event(), user_agent="curl/8.5", source=Source.SERVER.value).batch.bot == ""
    assert run(event(), user_agent="").batch.bot == "empty"
    assert run(event(), country="XX").batch.geo.country == ""


def test_internal_is_the_shared_object() -> None:
    batch = enrich(record(event("click")), SITE, Context()).batch
    assert batch.traffic[0] is INTERNAL
