"""The browsers as the demo's source of visits, and what the gateway and the ledger say of them."""

from __future__ import annotations

from cli.demonstration.browsers import Browsers
from cli.importer.store import query_rows
from cli.scraping import Samples, fetch
from embedded.traffic import SITE
from footfall.names import database_name
from footfall.settings import Settings
from telemetry.ports import metrics_ports


class WatchedBrowsers(Browsers):
    """Counted where they arrive: what a page still sends as it closes, nobody in the browser hears the answer to.

    Counts begin when it is made. What a page sent again, since it never heard the answer, is accepted twice
    and stored once: the ledger calls it a duplicate.
    """

    def __init__(
        self, settings: Settings, origin: str, *, count: int, seconds: float, seed: int, pace: float, named: str
    ) -> None:
        host = origin.partition("://")[2].partition(":")[0]
        super().__init__(origin, count=count, seconds=seconds, seed=seed, pace=pace, named=named, host=host)
        self._settings = settings
        self._last = 0
        self._accepted_before = self._accepted()
        self._repeated_before = self._repeated()

    @property
    def accepted(self) -> int:
        """Events the gateway took."""
        return self._accepted() - self._accepted_before

    @property
    def repeated(self) -> int:
        """Of these, those that are rightly no rows: duplicates."""
        return self._repeated() - self._repeated_before

    @property
    def visit_count(self) -> int:
        """Visits that ended well."""
        return self.visits.total()

    def problems(self) -> list[str]:
        """What went wrong in visits; or that there were none."""
        return self.errors if self.errors or self.visits else ["no browser came to an end of its first visit"]

    def _accepted(self) -> int:
        gateway = next(port for port in metrics_ports(self._settings) if port.part == "gateway")
        text = fetch(gateway)
        if text is not None:  # else it is busy: as before
            counted = Samples([text]).sum(
                "footfall_gateway_events_total", stage=self._settings.stage, outcome="accepted"
            )
            self._last = round(counted)
        return self._last

    def _repeated(self) -> int:
        (row,) = query_rows(
            self._settings,
            "SELECT sum(count) AS n "  # noqa: S608 - checked names
            f"FROM {database_name(self._settings.stage)}.ledger_v1 WHERE site_id = '{SITE}' "
            "AND outcome = 'duplicate' FORMAT JSONEachRow",
        )
        return int(str(row["n"] or 0))
