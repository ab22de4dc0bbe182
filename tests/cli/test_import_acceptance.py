"""A real site's access log: everything that comes out equals an independent recomputation
from the raw file, and importing it again changes nothing."""

from __future__ import annotations

import gzip
import re
import time
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from footfall.enrich.bots import bot_reason
from tests.cli.conftest import Installation

LOG = Path(__file__).parents[3] / "shared/data/clickstream/apache_access_10k.log.gz"
SITE = "semicomplete.com"
GAP_MS = 30 * 60 * 1000

pytestmark = [
    pytest.mark.skipif(not LOG.parent.exists(), reason="the shared data sets are not beside the repository"),
    pytest.mark.timeout(300),
]

LINE = re.compile(r'^(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) (\S+) "([^"]*)" "(.*)"$')
NO_PAGE = re.compile(
    r"\.(avif|bmp|css|cur|eot|gif|ico|jpe?g|js|json|map|mjs|mp[34]|m4[as]|m3u8|og[gv]|otf|png|svgz?|tiff?|ts|ttf|txt"
    r"|wasm|wav|web[mp]|webmanifest|woff2?|xml|xsl|zip|gz|bz2|xz|tar|tgz|rar|7z|exe|dmg|deb|rpm|apk|iso|jar|swf|flv"
    r"|avi|mov|mkv|rss|atom)$|^/favicon",
    re.IGNORECASE,
)  # fmt: skip


class Hit(NamedTuple):
    at_ms: int
    visitor: tuple[str, str, str]
    page: bool
    bot: bool


@cache
def hits() -> tuple[list[Hit], list[str]]:
    """The file, read without any of Footfall's code but the bot rule."""
    good, bad = [], []
    with gzip.open(LOG, "rt", encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            match = LINE.match(line.rstrip("\n"))
            if match is None:
                bad.append(line)
                continue
            address, when, method, target, status, _, _, agent = match.groups()
            agent = re.sub(r'\\(["\\])', r"\1", agent)
            agent = "" if agent == "-" else agent
            moment = datetime.strptime(when, "%d/%b/%Y:%H:%M:%S %z")
            at = int(moment.timestamp()) * 1000
            shown = method == "GET" and (status.startswith("2") or status == "304")
            page = shown and not NO_PAGE.search(target.split("?")[0])
            day = time.strftime("%Y-%m-%d", time.gmtime(at / 1000))
            good.append(Hit(at, (address, agent, day), page, bool(bot_reason(agent))))
    return keep_visits_whole(good), bad


def keep_visits_whole(found: list[Hit]) -> list[Hit]:
    """A visit that goes on past midnight keeps the visitor of its first day, for one day."""
    newest: dict[tuple[str, str], Hit] = {}
    kept = []
    for hit in found:
        address, agent, day = hit.visitor
        before = newest.get((address, agent))
        yesterday = time.strftime("%Y-%m-%d", time.gmtime(hit.at_ms / 1000 - 86_400))
        if before is not None and before.visitor[2] == yesterday and hit.at_ms - before.at_ms <= GAP_MS:
            day = yesterday
        newest[address, agent] = kept_hit = hit._replace(visitor=(address, agent, day))
        kept.append(kept_hit)
    return kept


@cache
def sessions() -> list[tuple[int, int, int, int, bool]]:
    """(start, end, events, page views, bot) by sorting and splitting."""
    by_visitor: dict[tuple[str, str, str], list[Hit]] = defaultdict(list)
    for hit in hits()[0]:
        by_visitor[hit.visitor].append(hit)
    made = []
    for visits in by_visitor.values():
        run: list[Hit] = []
        for hit in sorted(visits, key=lambda one: one.at_ms):
            if run and hit.at_ms - run[-1].at_ms > GAP_MS:
                made.append(_session(run))
                run = []
            run.append(hit)
        made.append(_session(run))
    return sorted(made)


def _session(run: list[Hit]) -> tuple[int, int, int, int, bool]:
    return run[0].at_ms, run[-1].at_ms, len(run), sum(hit.page for hit in run), run[0].bot


@pytest.fixture(scope="module")
def imported(running: Installation) -> Installation:
    running.ok("site", "add", SITE)
    # Killed on the way first: what that left behind must not show.
    process = running.popen("import", "access-log", str(LOG), "--site", SITE)
    deadline = time.monotonic() + 60
    while running.query("SELECT count() FROM {db}.events") == [["0"]]:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.kill()
    process.communicate()
    output = running.ok("import", "access-log", str(LOG), "--site", SITE)
    assert re.search(r"^parsed +9,999$", output, re.MULTILINE)
    assert re.search(r"^quarantined +1 ", output, re.MULTILINE)
    # What it says at its end is what there is: no session is still to be made.
    told = re.search(r"^sessions +([\d,]+) ", output, re.MULTILINE)
    assert told is not None, output
    assert int(told[1].replace(",", "")) == len(sessions())
    return running


def numbers(installation: Installation) -> dict[str, object]:
    """Everything there is to compare."""
    ((events, views, visitors, bots),) = installation.query(
        "SELECT count(), countIf(name = 'page_view'), uniqExact(visitor_id), countIf(bot != '') "
        "FROM {db}.events_v1"
    )
    rows = installation.query(
        "SELECT toUnixTimestamp64Milli(start_at), toUnixTimestamp64Milli(end_at), events, page_views, bot != '', "
        "is_closed FROM {db}.sessions_v1 ORDER BY ALL"
    )
    return {
        "events": int(events),
        "page_views": int(views),
        "visitors": int(visitors),
        "bot_events": int(bots),
        "sessions": sorted((int(a), int(b), int(c), int(d), e == "1") for a, b, c, d, e, _ in rows),
        "all_closed": all(row[5] in ("1", "true") for row in rows),
        "quarantined": installation.query("SELECT site_id, reason, payload FROM {db}.quarantine_v1"),
    }


def test_everything_equals_the_recomputation(imported: Installation) -> None:
    good, bad = hits()
    assert (len(good), len(bad)) == (9_999, 1)
    found = numbers(imported)
    assert found["events"] == len(good)
    assert found["page_views"] == sum(hit.page for hit in good)
    assert found["visitors"] == len({hit.visitor for hit in good})
    assert found["bot_events"] == sum(hit.bot for hit in good)
    assert found["all_closed"]
    assert found["sessions"] == sessions()


def test_the_malformed_line_is_kept_with_its_reason_and_without_its_address(imported: Installation) -> None:
    ((site, reason, payload),) = imported.query("SELECT site_id, reason, payload FROM {db}.quarantine_v1")
    assert (site, reason) == (SITE, "malformed_line")
    assert payload.startswith("46.118.127.0 - - [20/May/2015:12:05:17 +0000]")


def test_importing_again_changes_no_number(imported: Installation) -> None:
    before = numbers(imported)
    imported.ok("import", "access-log", str(LOG), "--site", SITE)
    assert numbers(imported) == before


def test_the_books_add_up(imported: Installation) -> None:
    rows = imported.query("SELECT outcome, sum(count) FROM {db}.ledger_v1 GROUP BY outcome")
    ledger = Counter({outcome: int(count) for outcome, count in rows})
    assert ledger["stored"] == 9_999
    ends = ledger["stored"] + ledger["duplicate"] + ledger["dropped"] + ledger["quarantined"]
    assert ledger["accepted"] == ends
    assert imported.run("status").returncode == 0


def test_no_full_address_is_in_any_file(imported: Installation) -> None:
    addresses = {hit.visitor[0].encode() for hit in hits()[0]}
    addresses = {address for address in addresses if not address.endswith(b".0")}
    assert len(addresses) > 1_500
    pattern = re.compile(rb"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
    for path in imported.settings.data_dir.rglob("*"):
        if path.is_file():
            assert not addresses & set(pattern.findall(path.read_bytes())), path
