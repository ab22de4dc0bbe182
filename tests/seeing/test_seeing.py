"""A running Footfall, a mix of everything sent to it, and what it shows of itself."""

from __future__ import annotations

import json
import os
import signal
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from cli.running import started
from cli.scraping import Samples, fetch
from embedded.paths import make_dirs, status_file
from sinks.clickhouse import password_file
from telemetry.ports import metrics_ports
from telemetry.scrubbing import secrets_of
from tests.cli.conftest import Installation
from tests.seeing.mix import ADDRESS, HOST, MARK, Site, send_mix

pytestmark = pytest.mark.timeout(120)
ENDS = ("stored", "duplicate", "dropped", "quarantined")


def wait_for(condition: Callable[[], bool], what: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.1)


class Shown:
    """An installation with the mix in it."""

    def __init__(self, site: Site) -> None:
        self.installation = site.installation
        self.site = site
        self.sent = send_mix(site)

    def samples(self) -> Samples:
        texts = [fetch(one) for one in metrics_ports(self.installation.settings)]
        return Samples(filter(None, texts))

    def ledger(self) -> dict[tuple[str, str], int]:
        sql = "SELECT outcome, reason, sum(count) FROM {db}.ledger_v1 GROUP BY outcome, reason"
        return {(outcome, reason): int(n) for outcome, reason, n in self.installation.query(sql)}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    directory: Path = tmp_path_factory.mktemp("seeing") / "data"
    installation = Installation(
        directory, trusted_proxies="127.0.0.1/32", epoch_seconds=1.0, flush_seconds=0.2, log_format="json"
    )
    make_dirs(directory)
    site = Site(installation)
    with started(installation.settings):
        wait_for(lambda: all(map(fetch, metrics_ports(installation.settings))), lambda: "the jobs start last")
        yield Shown(site)


def outcomes(samples: Samples) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for labels, value in samples.rows("footfall_flow_events_total", stage="prod"):
        place = labels["outcome"], labels["reason"]
        found[place] = found.get(place, 0) + value
    return found


def total(counts: dict[tuple[str, str], float], *names: str) -> float:
    return sum(number for (outcome, _), number in counts.items() if outcome in names)


def test_metrics_and_ledger_add_up(shown: Shown) -> None:
    wanted = {
        ("accepted", ""): 13, ("rejected", "missing_part"): 1, ("rejected", "name_invalid"): 1, ("stored", ""): 5,
        ("duplicate", "batch"): 4, ("duplicate", "event"): 1, ("dropped", "foreign_host"): 1,
        ("dropped", "referrer_spam"): 1, ("quarantined", "unknown_site"): 1,
    }  # fmt: skip
    wait_for(lambda: shown.ledger() == wanted, shown.ledger)
    wait_for(lambda: outcomes(shown.samples()) == wanted, lambda: outcomes(shown.samples()))
    samples = shown.samples()
    assert total(outcomes(samples), "accepted") == total(outcomes(samples), *ENDS)
    gateway = samples.by("footfall_gateway_events_total", "outcome", stage="prod")
    assert gateway == {"accepted": 12, "rejected": 2}  # one came past it
    assert samples.sum("footfall_gateway_received_events_total") == 14
    given = samples.by("footfall_flow_events_out_total", "step", stage="prod")
    taken = samples.by("footfall_flow_events_in_total", "step", stage="prod")
    assert taken == {"enrich": 13, "admit": given["enrich"], "store": given["admit"]}
    assert given["store"] == 5
    assert samples.sum("footfall_flow_late_events_total", stage="prod") == 1
    wait_for(lambda: today(shown.samples()) == wanted, lambda: today(shown.samples()))


def today(samples: Samples) -> dict[tuple[str, str], float]:
    rows = samples.rows("footfall_ledger_events", stage="prod")
    return {(labels["outcome"], labels["reason"]): value for labels, value in rows}


def test_every_step_shows_how_late_it_is(shown: Shown) -> None:
    wait_for(
        lambda: shown.samples().sum("footfall_lag_records") == 0,
        lambda: shown.samples().rows("footfall_lag_records"),
    )
    samples = shown.samples()
    partitions = shown.installation.settings.partitions
    now = time.time()
    for name in ("footfall_flow_log_time_seconds", "footfall_stored_heartbeat_timestamp_seconds",
                 "footfall_flow_recovery_point_timestamp_seconds"):  # fmt: skip
        rows = samples.rows(name, stage="prod")
        assert len(rows) == partitions
        assert all(now - 30 < value < now + 5 for _, value in rows), (name, rows)
    assert samples.sum("footfall_flow_open_sessions", stage="prod") == 1
    assert samples.sum("footfall_flow_open_visitors", stage="prod") == 1
    assert samples.sum("footfall_store_flush_seconds_count", stage="prod") > 0
    assert samples.sum("footfall_store_batch_rows_sum", stage="prod") >= 5
    assert samples.least("footfall_flow_epoch_seconds", stage="prod") is not None
    assert samples.least("footfall_flow_snapshot_seconds", stage="prod", step="store") > 0  # type: ignore[operator]
    assert samples.least("footfall_store_up") == samples.least("footfall_log_up") == 1
    assert samples.sum("footfall_control_up") == 1
    assert len(samples.rows("footfall_repair_visitors")) == 2  # of each stage


def test_neither_logs_nor_metrics_hold_contents_or_secrets(shown: Shown) -> None:
    """After a store that died, a wrong key, a body that cannot be read."""
    settings = shown.installation.settings
    parts = json.loads(status_file(settings.data_dir).read_text())["parts"]
    os.kill(parts["store"]["pid"], signal.SIGKILL)
    for headers, body in (
        ({"x-footfall-site": f"pub_{MARK}"}, b'{"events": [{"name": "x"}]}'),
        ({"authorization": f"Bearer ff_{MARK}"}, b'{"events": [{"name": "x"}]}'),
        ({"x-footfall-site": shown.site.public_id}, f'{{"events": "{MARK}"}}'.encode()),
    ):
        assert shown.site.post(body, headers) in (400, 401, 403)
    shown.site.send(shown.site.event(f"/{MARK}/while-away"))
    wait_for(lambda: total(outcomes(shown.samples()), "stored") == 6, lambda: outcomes(shown.samples()), 40)
    texts = {path.name: path.read_text() for path in (settings.data_dir / "logs").glob("*.log*")}
    texts |= {f"metrics of {one.part}": fetch(one) or "" for one in metrics_ports(settings)}
    assert "does not take it" in texts["flow.log"]
    known = {MARK, ADDRESS, shown.site.public_id, *secrets_of(settings)}
    for name, text in texts.items():
        assert text, name
        assert not [secret for secret in known if secret in text], name
    for part in ("gateway", "flow", "jobs"):
        for line in texts[f"{part}.log"].splitlines():
            assert json.loads(line)["part"] == part, line


def test_top_fits_a_small_terminal(shown: Shown) -> None:
    text = shown.installation.ok("top", "--once", "--every", "0.3")
    lines = text.splitlines()
    assert "stage prod: OK, the oldest heartbeat on its way left" in lines[0]
    assert len(lines) <= 22
    assert max(map(len, lines)) <= 82  # with the mark of an alarm before it
    cells = {line[2:].split()[0]: line.split() for line in lines if line.strip()}
    assert cells["dropped"][2:] == ["2", "foreign_host", "1,", "referrer_spam", "1"]
    assert cells["rejected"][2] == "2"
    assert cells["repair"][2] == "visitors"


def test_the_bundle_holds_neither_contents_nor_secrets(shown: Shown, tmp_path: Path) -> None:
    settings = shown.installation.settings
    path = tmp_path / "bundle.tar.gz"
    (settings.data_dir / "logs" / "planted.log").write_text(
        f"from {ADDRESS} with {password_file(settings.data_dir, 'footfall').read_text()}\n"
    )
    shown.installation.ok("doctor", "--bundle", str(path))
    assert path.stat().st_mode & 0o077 == 0
    with tarfile.open(path) as archive:
        texts = {name: archive.extractfile(name).read().decode() for name in archive.getnames()}  # type: ignore[union-attr]
    wanted = {"versions.json", "settings.json", "doctor.json", "status.json", "jobs.json", "tables.tsv"}
    wanted |= {"prod/progress.tsv", "prod/ledger.tsv", "logs/flow.log", "logs/gateway.log"}
    assert {f"footfall/{name}" for name in wanted} <= texts.keys()
    assert not [name for name, text in texts.items() if text.startswith("not to be had")]
    assert "footfall_flow_records_total" in "".join(texts.values())
    assert json.loads(texts["footfall/jobs.json"])
    assert "198.51.100.0" in texts["footfall/logs/planted.log"]
    known = {MARK, ADDRESS, shown.site.public_id, *secrets_of(settings)}
    assert not [(name, secret) for name, text in texts.items() for secret in known if secret in text]


def explained(shown: Shown, what: str) -> str:
    done = CliRunner().invoke(main, ["explain", what], env=shown.installation.env)  # in here: it is quicker
    assert done.exit_code == (1 if "not found" in done.stdout else 0), done.output
    assert ADDRESS not in done.stdout
    return done.stdout


def test_explain_says_what_became_of_an_event(shown: Shown) -> None:
    wanted = shown.sent["stored"][0]["event_id"]
    # An open session's row is written once log time, which a heartbeat carries on, has passed 10 s.
    wait_for(lambda: "none yet" not in explained(shown, wanted), lambda: explained(shown, wanted), 60)
    told = explained(shown, wanted)
    assert told.count("came in") == 3  # once, its batch again, itself again
    assert "became     a row of events" in told
    assert "DUPLICATE, its batch had come before" in told
    assert "DUPLICATE, the event had come before" in told
    assert f"pages          {HOST}/{MARK}/0" in told
    assert "in time: it entered the live session" in told
    session = next(line.split()[1].strip(":") for line in told.splitlines() if line.startswith("session "))
    of_session = explained(shown, session)
    assert shown.sent["stored"][1]["event_id"].replace("-", "") in of_session
    assert "by the live flow" in of_session

    for kind, step in (("foreign_host", "foreign_host"), ("referrer_spam", "referrer_spam")):
        told = explained(shown, shown.sent[kind][0]["event_id"])
        assert f"{step:<14} DROPPED: {kind}" in told
        assert "became     no row: dropped" in told
    told = explained(shown, shown.sent["late"][0]["event_id"])
    assert "late: repair counts it" in told
    told = explained(shown, shown.sent["unknown_site"][0]["event_id"])
    assert "quarantined" in told
    assert "footfall quarantine show" in told
    told = explained(shown, shown.sent["rejected"][0]["event_id"])
    assert "refused by the gateway" in told
    assert "not found" in explained(shown, "12")
    assert CliRunner().invoke(main, ["explain", "nonsense"], env=shown.installation.env).exit_code == 2
