"""A mix of all that can become of an event, sent as a site would."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from typing import Any

import control
from cli.layout import layout_of
from eventlog.opening import open_log
from footfall.ids import uuid7
from footfall.record import LogEvent, Record, encode
from tests.cli.conftest import Installation

HOST = "seeing.example.com"
MARK = "zwieback"  # in every event; nowhere else
ADDRESS = "198.51.100.77"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
HOUR_MS = 3_600_000


class Site:
    """One site of a running installation, and somebody who visits it."""

    def __init__(self, installation: Installation, host: str = HOST) -> None:
        self.installation = installation
        self.host = host
        plane = control.open(installation.settings.control_plane_url())
        self.public_id = plane.add_site(host, now=0).public_id
        plane.close()

    def event(self, path: str, ago_ms: int = 0, **changes: Any) -> dict[str, Any]:
        """A page view; its title holds the mark."""
        at = time.time_ns() // 1_000_000 - ago_ms
        made = {
            "name": "page_view", "event_id": new_id(at), "occurred_at": at,
            "url": f"https://{self.host}{path}", "title": f"{MARK} title", "props": {"note": f"{MARK} prop"},
        }  # fmt: skip
        return {**made, **changes}

    def send(
        self, *events: dict[str, Any], batch_id: str = "", visitor: str = f"{MARK}-visitor"
    ) -> dict[str, Any]:
        """What the gateway answered to a batch."""
        now = time.time_ns() // 1_000_000
        body: dict[str, Any] = {
            "visitor_id": visitor,
            "consent": "granted",
            "sent_at": now,
            "events": list(events),
        }
        body |= {"batch_id": batch_id} if batch_id else {}
        headers = {"content-type": "application/json", "x-footfall-site": self.public_id, "user-agent": AGENT}
        headers |= {"origin": f"https://{self.host}", "accept-language": "en", "x-forwarded-for": ADDRESS}
        status, text = self._post(json.dumps(body).encode(), headers)
        assert status == 202, text
        found: dict[str, Any] = json.loads(text)
        return found

    def post(self, body: bytes, headers: dict[str, str]) -> int:
        """The status of an answer to whatever is sent."""
        sent = {"content-type": "application/json", "x-forwarded-for": ADDRESS, "user-agent": AGENT}
        return self._post(body, {**sent, **headers})[0]

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.installation.settings.gateway_port, timeout=15)
        try:
            connection.request("POST", "/v1/batch", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def new_id(at_ms: int) -> str:
    """A UUIDv7 as senders make it."""
    return str(uuid.UUID(bytes=uuid7(at_ms, uuid.uuid4().bytes)))


def send_mix(site: Site) -> dict[str, list[dict[str, Any]]]:
    """Events by what is to become of them."""
    now = time.time_ns() // 1_000_000
    batch_id = new_id(now)
    sent = {
        "stored": [site.event(f"/{MARK}/{n}") for n in range(4)],
        "late": [site.event(f"/{MARK}/late", ago_ms=2 * HOUR_MS)],
        "foreign_host": [site.event("/x", url=f"https://copied.example.net/{MARK}")],
        "referrer_spam": [site.event("/y", referrer=f"https://semalt.com/{MARK}")],
        "rejected": [site.event("/z", name="click"), site.event("/z", name="n" * 65)],
    }
    site.send(*sent["stored"], batch_id=batch_id)
    site.send(*sent["stored"], batch_id=batch_id)  # the same batch
    site.send(sent["stored"][0], *sent["late"])  # the same event
    site.send(*sent["foreign_host"], *sent["referrer_spam"], *sent["rejected"])
    unknown = site.event(f"/{MARK}/gone")
    append(site.installation, record_of(unknown, "gone.example.com"))
    return {**sent, "unknown_site": [unknown]}


def record_of(event: dict[str, Any], site_id: str) -> Record:
    """As the gateway would have made it."""
    event_id = uuid.UUID(event["event_id"]).bytes
    made = LogEvent(name=event["name"], event_id=event_id, url=event["url"], title=event["title"])
    at = event["occurred_at"]
    batch_id = uuid7(at, event_id[6:])
    return Record(site_id=site_id, batch_id=batch_id, received_at=at, visitor_id=7, id_kind=1, events=[made])


def append(installation: Installation, record: Record, stage: str = "prod") -> None:
    """Into the log, past the gateway: as an importer does."""
    appender = open_log(installation.settings, stage, layout_of(installation.settings, stage)).appender()
    appender.append([(0, encode(record))]).result(10)
    appender.close(10.0)
