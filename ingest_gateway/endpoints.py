"""The ways in: a batch, a single event of a server, the pixel. From a request to its answer."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from eventlog.protocol import LogFull
from footfall.names import Source
from footfall.signals import Signal
from ingest_gateway.admission import Admission, Known
from ingest_gateway.answers import GPC_HEADER, JSON, Answer, accepted, unavailable
from ingest_gateway.body import BodyReader, check_type
from ingest_gateway.caller import Caller
from ingest_gateway.client import HONOURED, Client
from ingest_gateway.directory import Lookup
from ingest_gateway.log_writer import LogWriter
from ingest_gateway.metrics import Counts
from ingest_gateway.parse import Parsed, parse_batch, parse_site
from ingest_gateway.pixel import PIXEL, parse_pixel
from ingest_gateway.records import Built, Sender, build, is_marked
from ingest_gateway.request import Request
from ingest_gateway.track import CONVERTERS, parse_track

_GPC = int(Signal.GPC)
_PIXEL = int(Signal.PIXEL)
NOTHING = Answer(202, JSON, b'{"accepted":0,"rejected":[]}')


class Endpoints:
    """Handlers: a request in, its answer out, or `RefusedError`."""

    def __init__(
        self,
        admission: Admission,
        bodies: BodyReader,
        directory: Lookup,
        writers: Mapping[str, LogWriter],
        counts: Counts,
    ) -> None:
        self._admission = admission
        self._bodies = bodies
        self._directory = directory
        self._writers = writers
        self._counts = counts

    async def batch(self, request: Request) -> Answer:
        """`POST /v1/batch`."""
        check_type(request.headers)
        if "authorization" in request.headers:
            known = self._admission.server(request)
            body = await self._body(request, known)
        elif "x-footfall-site" in request.headers or "site" in request.query:
            known = self._admission.recognise(request)
            body = await self._body(request, known)
        else:
            body = await self._bodies.read(request.headers, request.exchange)
            known = self._admission.browser(request, parse_site(body))
            self._admission.check_rate(known)
        caller, client, _ = known
        if caller.site.strict_privacy and client.signals & HONOURED and caller.source is Source.BROWSER:
            return self._privacy_dropped(client, NOTHING)
        return await self._take(caller, self._batch_records(request, known, body))

    async def track(self, request: Request) -> Answer:
        """`POST /api/v1/track/...`."""
        check_type(request.headers)
        known = self._admission.server(request)
        parsed = parse_track(await self._body(request, known), CONVERTERS[request.scope.path])
        return await self._take(known.caller, self._records(request, known, parsed, _once(parsed)))

    async def pixel(self, request: Request) -> Answer:
        """`GET /v1/pixel.gif`."""
        known = self._admission.recognise(request)
        self._admission.check_rate(known)
        client = known.client._replace(signals=known.client.signals | _PIXEL)
        if known.caller.site.strict_privacy and client.signals & HONOURED:
            return self._privacy_dropped(client, PIXEL)
        parsed = parse_pixel(request.query, request.headers.get("referer", ""))
        built = self._records(request, known._replace(client=client), parsed, os.urandom(16))
        await self._take(known.caller, built)
        return PIXEL

    async def _body(self, request: Request, known: Known) -> bytes:
        self._admission.check_rate(known)
        return await self._bodies.read(request.headers, request.exchange)

    def _batch_records(self, request: Request, known: Known, body: bytes) -> Built:
        parsed = parse_batch(body)
        return self._records(request, known, parsed, body if is_marked(parsed.batch) else os.urandom(16))

    def _records(self, request: Request, known: Known, parsed: Parsed, unique: bytes) -> Built:
        """What goes to the log. A function of its own, so that the events are freed before
        the wait for the disk: freeing them later, out of the cache, costs as much as decoding."""
        caller, client, memo = known
        layout = self._writers[caller.stage].layout
        secret, salts = self._directory.secrets[caller.stage], self._directory.view.salts
        sender = Sender(caller.site, caller.source, client, secret, salts, layout, request.now, memo)
        caller.bucket.take(len(parsed.batch.events) + len(parsed.rejected))
        return build(sender, parsed, unique)

    async def _take(self, caller: Caller, built: Built) -> Answer:
        """Make the events durable, then say so."""
        stage, site = caller.stage, caller.site.site_id
        started = time.perf_counter()
        count = built.accepted + len(built.rejected)
        self._counts.received[stage] += count
        try:
            await self._writers[stage].write(built.records, site)
        except BaseException as error:
            self._counts.events[(stage, "not_taken")] += count
            if not isinstance(error, LogFull):
                raise
            # The reason may name paths and sizes: that is for the log, not for the world.
            raise unavailable("the log cannot take events now", error.retry_after_s) from error
        self._counts.took(stage, built.accepted, built.rejected, time.perf_counter() - started)
        if built.lost:
            self._counts.lost[stage] += built.lost
        return accepted(built.accepted, built.rejected)

    def _privacy_dropped(self, client: Client, answer: Answer) -> Answer:
        self._counts.privacy_dropped += 1
        reason = "gpc" if client.signals & _GPC else "dnt"
        return answer._replace(headers=[*answer.headers, (GPC_HEADER, reason)])


def _once(parsed: Parsed) -> bytes:
    """A single event that brings an id is the same event when it is sent again; one
    without an id counts each time: a server that says `signup` twice means two."""
    events = parsed.batch.events
    event_id = events[0].event_id if events else None
    return event_id.bytes if event_id is not None else os.urandom(16)
