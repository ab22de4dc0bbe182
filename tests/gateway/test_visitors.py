"""Who the visitor of a record is, with the clock and the salts as arguments."""

from __future__ import annotations

import ipaddress
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall import record
from footfall.event import Batch
from footfall.generations import one_generation
from footfall.names import Consent, IdKind, Source
from footfall.record import Record
from footfall.signals import Signal, join_client_hints, split_client_hints
from footfall.sites import Site
from ingest_gateway.address import AddressResolver, parse_networks
from ingest_gateway.answers import RefusedError
from ingest_gateway.client import Client, parse_country, read_client
from ingest_gateway.parse import Parsed
from ingest_gateway.records import DAY_MS, Built, Sender, build

DAY = 20_000
MIDNIGHT = DAY * DAY_MS
NOON = MIDNIGHT + DAY_MS // 2
SITE = Site(site_id="shop.example.com")
SALTS = {DAY - 1: b"a" * 32, DAY: b"b" * 32}
RESOLVE = AddressResolver(parse_networks("10.0.0.0/8, ::1")).resolve


def sender(now: int = NOON, source: Source = Source.BROWSER, **client: Any) -> Sender:
    address = RESOLVE(client.pop("peer", "198.51.100.23:5"), "", "")
    made = Client(address, client.pop("agent", "Firefox"), **client)
    return Sender(SITE, source, made, b"s" * 32, SALTS, one_generation(8), now, {})


def send(by: Sender, unique: bytes = b"body", **batch: Any) -> tuple[list[Record], Built]:
    fields = {"events": [{"name": "a"}], **batch}
    built = build(by, Parsed(msgspec.convert(fields, Batch), []), unique)
    return [record.decode(value) for _, value in built.records], built


def one(by: Sender, **batch: Any) -> Record:
    records, _ = send(by, **batch)
    assert len(records) == 1
    return records[0]


GRANTED: dict[str, Any] = {"consent": "granted", "visitor_id": "v1"}


def test_consent_keeps_the_sdks_id() -> None:
    today, tomorrow = one(sender(), **GRANTED), one(sender(NOON + DAY_MS), **GRANTED)
    assert today.visitor_id == tomorrow.visitor_id != 0
    assert (today.id_kind, today.consent) == (IdKind.CONSENTED, Consent.GRANTED)
    assert one(sender(agent="Chrome"), **GRANTED).visitor_id == today.visitor_id


def test_identify_makes_it_identified() -> None:
    made = one(sender(), **GRANTED, events=[{"name": "identify", "user_id": "u"}])
    assert made.id_kind == IdKind.IDENTIFIED
    assert made.events[0].user_id == "u"


@pytest.mark.parametrize("signal", [Signal.GPC, Signal.DNT])
def test_gpc_and_dnt_beat_consent(signal: Signal) -> None:
    made = one(sender(signals=int(signal)), **GRANTED, events=[{"name": "a", "session_id": "s"}])
    assert made.id_kind == IdKind.DAILY
    assert made.visitor_id == one(sender(), consent="denied").visitor_id
    assert made.events[0].session_id == ""
    assert made.signals & signal


@pytest.mark.parametrize("consent", ["", "denied", "pending", "nonsense"])
def test_without_consent_the_id_is_daily(consent: str) -> None:
    made = one(sender(), consent=consent, visitor_id="v1", events=[{"name": "a", "session_id": "s"}])
    assert (made.id_kind, made.previous_visitor_id) == (IdKind.DAILY, 0)
    assert made.events[0].session_id == ""
    assert b"v1" not in record.encode(made)
    assert one(sender(), consent=consent, visitor_id="v2").visitor_id == made.visitor_id
    assert one(sender(agent="Chrome")).visitor_id != made.visitor_id
    assert one(sender(peer="198.51.100.24:5")).visitor_id != made.visitor_id


def test_identify_without_consent_is_not_allowed() -> None:
    _, built = send(sender(), events=[{"name": "identify", "user_id": "u"}, {"name": "a"}])
    assert (built.accepted, built.rejected) == (1, [(0, "not_allowed")])


def test_daily_ids_across_midnight() -> None:
    before, after = one(sender(MIDNIGHT - 1)._replace(salts={DAY - 1: SALTS[DAY - 1]})), one(sender(MIDNIGHT))
    assert after.visitor_id != before.visitor_id
    assert after.previous_visitor_id == before.visitor_id
    window = SITE.window_ms(MIDNIGHT)
    assert one(sender(MIDNIGHT + window - 1)).previous_visitor_id == before.visitor_id
    assert one(sender(MIDNIGHT + window)).previous_visitor_id == 0


def test_the_memo_changes_no_id() -> None:
    by = sender(MIDNIGHT)
    first = one(by)
    assert by.memo
    assert one(by) == first
    assert one(by._replace(now=MIDNIGHT + DAY_MS - 1)).previous_visitor_id == 0
    late = by._replace(now=MIDNIGHT + DAY_MS, salts={DAY: SALTS[DAY], DAY + 1: b"c" * 32})
    assert one(late).previous_visitor_id == first.visitor_id
    assert one(late).visitor_id != first.visitor_id


def test_the_route_is_the_same_across_midnight() -> None:
    nobody: dict[str, Any] = {}
    for batch in (nobody, GRANTED):
        routes = {send(sender(now), **batch)[1].records[0][0] for now in (MIDNIGHT, NOON)}
        assert len(routes) == 1


def test_without_todays_salt_it_is_503() -> None:
    with pytest.raises(RefusedError) as caught:
        send(sender()._replace(salts={}))
    assert caught.value.status == 503
    assert one(sender()._replace(salts={}), **GRANTED).visitor_id


@pytest.mark.parametrize(
    "named",
    [{"user_id": "u"}, {"address": "1.2.3.4"}, {"user_agent": "x"}, {"events": [{"name": "a", "user_id": "u"}]}],
)
def test_a_browser_may_not_name_anybody(named: dict[str, Any]) -> None:
    _, built = send(sender(), **GRANTED, **named)
    assert (built.accepted, built.rejected) == (0, [(0, "not_allowed")])


def test_a_browsers_absolute_time_is_not_allowed() -> None:
    event = {"name": "a", "occurred_at": NOON - 1000}
    assert send(sender(), events=[event])[1].rejected == [(0, "not_allowed")]
    assert send(sender(), events=[event], sent_at=NOON)[1].rejected == []


def test_age_is_measured_on_the_corrected_clock() -> None:
    week = 7 * DAY_MS
    for skew in (0, -40 * DAY_MS, 40 * DAY_MS):  # a client whose clock is far off
        sent = NOON + skew
        events = [{"name": "a", "occurred_at": sent - week}, {"name": "a", "occurred_at": sent - week - 1}]
        assert send(sender(), events=events, sent_at=sent)[1].rejected == [(1, "too_old")]


def test_a_server_names_visitors_and_is_split_by_them() -> None:
    events = [
        {"name": "a", "visitor_id": "v1"},
        {"name": "b", "visitor_id": "v2", "user_id": "u2"},
        {"name": "c", "visitor_id": "v1"},
        {"name": "d"},
        {"name": "page_view"},
    ]
    records, built = send(sender(source=Source.SERVER), events=events, lost=4)
    assert [[event.name for event in made.events] for made in records] == [["a", "c"], ["b"], ["d"]]
    assert [made.id_kind for made in records] == [IdKind.CONSENTED, IdKind.IDENTIFIED, IdKind.SERVER]
    assert records[0].visitor_id == one(sender(), **GRANTED).visitor_id
    assert built.records[0][0] == send(sender(), **GRANTED)[1].records[0][0]  # the browser's partition
    assert records[2].visitor_id == 0
    assert len({made.batch_id for made in records}) == 3
    assert [made.rejected for made in records] == [{"missing_part": 1}, {}, {}]
    assert [made.lost for made in records] == [4, 0, 0]  # of the request as a whole
    assert built.lost == 4
    assert built.accepted == 4
    again, _ = send(sender(NOON + 5000, source=Source.SERVER), events=events)
    assert [made.batch_id for made in again] == [made.batch_id for made in records]


def test_a_servers_own_address_is_nobodys() -> None:
    made = one(sender(source=Source.SERVER), address="203.0.113.99", user_agent="Safari")
    assert (made.address, made.user_agent) == ("203.0.113.0", "Safari")
    assert one(sender(source=Source.SERVER)).address == ""
    with pytest.raises(RefusedError):
        send(sender(source=Source.SERVER), address="here")


def test_a_server_may_pass_on_a_refusal() -> None:
    events = [{"name": "a", "user_id": "u", "session_id": "s"}, {"name": "identify", "user_id": "u"}]
    records, built = send(sender(source=Source.SERVER), consent="denied", visitor_id="v", events=events)
    assert built.rejected == [(1, "not_allowed")]
    assert (records[0].visitor_id, records[0].id_kind) == (0, IdKind.SERVER)
    assert (records[0].events[0].user_id, records[0].events[0].session_id) == ("", "")


def test_ids_that_are_missing_are_made() -> None:
    made = one(sender(), events=[{"name": "a"}, {"name": "b"}])
    found = [uuid.UUID(bytes=event.event_id) for event in made.events]
    assert [identifier.version for identifier in found] == [7, 7]
    assert found[0] != found[1]
    assert found[0].int >> 80 == NOON
    given_id = str(uuid.uuid4())
    assert one(sender(), batch_id=given_id).batch_id == uuid.UUID(given_id).bytes
    assert one(sender()).batch_id == made.batch_id  # the same body
    assert one(sender(agent="Chrome", peer="192.0.2.1:1")).batch_id != made.batch_id  # another visitor


@given(
    st.lists(st.text(st.characters(blacklist_characters="\n", codec="utf-8"), max_size=9), min_size=6, max_size=6)
)
def test_client_hints_are_read_back(values: list[str]) -> None:
    found = split_client_hints(join_client_hints(values))
    assert list(found.values()) == [value for value in values if value]


def test_signals() -> None:
    address = RESOLVE("192.0.2.1:5", "", "")
    bare = read_client({}, address, "cf-ipcountry")
    assert bare.signals == Signal.NO_ACCEPT_LANGUAGE | Signal.NO_USER_AGENT | Signal.NO_ORIGIN
    headers = {
        "user-agent": "HeadlessChrome",
        "accept-language": "de",
        "origin": "https://a.example",
        "sec-gpc": "1",
        "dnt": "1",
        "sec-purpose": "prefetch;prerender",
        "cf-ipcountry": "DE",
    }
    made = read_client(headers, address, "cf-ipcountry")
    assert made.signals == Signal.HEADLESS | Signal.GPC | Signal.DNT | Signal.PREFETCH
    assert (made.language, made.country) == ("de", "")  # the country of an unknown peer is not believed
    assert read_client(headers, RESOLVE("10.0.0.1:5", "", ""), "cf-ipcountry").country == "DE"
    assert [parse_country(text) for text in ("de", "XX", "T1", "", "D\u00c4")] == ["DE", "", "", "", ""]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded", "client"),
    [
        ("198.51.100.1:9", "1.2.3.4", "", "198.51.100.1"),  # nobody trusts this peer
        ("10.0.0.1:9", "", "", "10.0.0.1"),
        ("10.0.0.1:9", "1.2.3.4", "", "1.2.3.4"),
        ("10.0.0.1:9", "6.6.6.6, 1.2.3.4, 10.0.0.2", "", "1.2.3.4"),  # what a client claims itself is left of it
        ("10.0.0.1:9", "6.6.6.6, junk, 10.0.0.2", "", "10.0.0.2"),
        ("10.0.0.1:9", "1.2.3.4:5555", "", "1.2.3.4"),
        ("10.0.0.1:9", "", 'for=6.6.6.6, for="[2001:db8::7]:80";proto=https', "2001:db8::7"),
        ("[::1]:9", "1.2.3.4", "", "1.2.3.4"),
        ("::1:9", "1.2.3.4", "", "1.2.3.4"),
        ("::ffff:10.0.0.1:9", "1.2.3.4", "", "1.2.3.4"),
    ],
)
def test_trusted_proxies(peer: str, forwarded_for: str, forwarded: str, client: str) -> None:
    found = RESOLVE(peer, forwarded_for, forwarded)
    assert found.full == client
    network = ipaddress.ip_network(f"{found.truncated}/{24 if '.' in client else 48}")
    assert ipaddress.ip_address(client) in network
    assert found.truncated != found.full
    assert found.ignored_proxy == (peer == "198.51.100.1:9")
