"""One event, sent as the page would send it, and what the endpoint answers."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import NamedTuple
from urllib.parse import urlencode

from cli.checks.finding import Finding, bad, ok
from cli.site_checking.fetching import BOT, Answer, FetchError, fetch, origin_of
from footfall.ids import uuid7

NAME = "footfall_check"
ADVICE = {
    "unknown_site": "the endpoint is another installation's, or the site was added a moment ago: then try again",
    "origin": "add the page's domain to the site: `footfall site set SITE --add-domain ...`",
    "dev_origin": "name a stage for localhost and previews: FOOTFALL_DEV_STAGE",
    "address_rate": "wait a moment; if it stays, all seem to come from one address (docs/behind-a-proxy.md)",
    "unavailable": "`footfall status` and `footfall doctor` say what is the matter",
}


class Sent(NamedTuple):
    """The event that went."""

    event_id: bytes
    page: str
    endpoint: str


def send(page: str, endpoint: str, public_id: str) -> tuple[Sent | None, list[Finding]]:
    """None where it was not taken."""
    now = time.time_ns() // 1_000_000
    event_id = uuid7(now, os.urandom(10))
    event = {"name": NAME, "event_id": str(uuid.UUID(bytes=event_id)), "occurred_at": now, "url": page}
    batch = {"batch_id": str(uuid.uuid4()), "sent_at": now, "sdk": "site-check", "events": [event]}
    headers = {"Content-Type": "text/plain", "Origin": origin_of(page), "Referer": page, "User-Agent": BOT}
    url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode({'site': public_id})}"
    try:
        answer = fetch(url, json.dumps(batch).encode(), headers)
    except FetchError as error:
        return None, bad("endpoint", str(error), "is the gateway running, and does its proxy pass this path on?")
    findings = answer_findings(endpoint, url, page, answer)
    taken = all(finding.state == "ok" for finding in findings)
    return (Sent(event_id, page, endpoint) if taken else None), findings


def answer_findings(endpoint: str, url: str, page: str, answer: Answer) -> list[Finding]:
    """Was it taken, and may the page read that?"""
    if answer.url != url:
        told = f"{endpoint} leads on to {answer.url}: browsers send no event after such a redirect"
        return bad("endpoint", told, "name the address it leads to in the tag")
    said = _read(answer)
    if said is None:
        return bad(
            "endpoint",
            f"{endpoint} is answered {answer.status} with {answer.headers.get_content_type()}, not by a gateway",
            "let your proxy pass POST on this path on to the gateway (docs/tag.md); if it is the site's own path, "
            "compare it with `footfall site show`",
        )
    error = str(said.get("error", ""))
    if error:
        mend = ADVICE.get(error, "docs/api.md says what the answer means")
        return bad("endpoint", f"the event was refused, {answer.status} {error}: {said.get('message', '')}", mend)
    if said.get("accepted") != 1:
        return bad("endpoint", f"the event was not accepted: {answer.body[:200]!r}", "docs/api.md, `rejected`")
    allowed = answer.headers.get_all("access-control-allow-origin") or []
    if origin_of(url) != origin_of(page) and allowed not in ([origin_of(page)], ["*"]):
        told_headers = ", ".join(allowed) or "none"
        return bad(
            "endpoint",
            f"the page may not read the answer: Access-Control-Allow-Origin is {told_headers}",
            "let the gateway's own header through your proxy, and add none there",
        )
    return ok("endpoint", f"{endpoint} took an event")


def _read(answer: Answer) -> dict[str, object] | None:
    """The gateway's JSON; None: it is not a gateway's."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and ("accepted" in found or "error" in found) else None
