"""What browsers on other origins are told: preflights, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Mapping

from ingest_gateway.answers import GPC_HEADER, Answer, Headers, RefusedError
from ingest_gateway.directory import Lookup
from ingest_gateway.memory import Memory
from ingest_gateway.origins import host_of, is_bound, is_local, is_preview

PREFLIGHT = [
    ("access-control-allow-headers", "content-type, content-encoding, x-footfall-site, authorization"),
    ("access-control-max-age", "86400"),
]
EXPOSED = [("access-control-expose-headers", f"retry-after, {GPC_HEADER}"), ("vary", "origin")]


def readable_by(origin: str) -> Headers:
    """Headers with which a script of this origin may read an answer."""
    return [("access-control-allow-origin", origin), *EXPOSED]


class Cors:
    """For the origins of all sites: which site a request is for is not known at a preflight."""

    def __init__(self, directory: Lookup) -> None:
        self._directory = directory
        self._memory: Memory[str, Headers] = Memory(directory.view)

    def headers(self, origin: str) -> Headers:
        """For an answer to this origin; empty if it belongs to no site."""
        view = self._directory.view
        if self._memory.view is not view:
            self._memory = Memory(view)
        found = self._memory.known.get(origin)
        if found is None:
            host = host_of(origin)
            known = is_local(host) or is_preview(host) or is_bound(host, view.domains)
            found = readable_by(origin) if known else []
            self._memory.keep(origin, found, len(origin))
        return found

    def preflight(self, headers: Mapping[str, str], method: str) -> Answer:
        """The answer to OPTIONS; `RefusedError` 403."""
        origin = headers.get("origin", "")
        if not origin or not self.headers(origin):
            raise RefusedError(403, "origin", "this origin belongs to no site: `footfall site list` shows them")
        return Answer(204, [("access-control-allow-methods", method), *PREFLIGHT], b"")
