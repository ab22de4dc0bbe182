"""Load above capacity. The disk is made slow, so that capacity is known whatever the machine does."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.gateway.flood import Sender, run_all
from tests.gateway.harness import GatewayProcess, wait_for

MIB = 1024 * 1024
DISK = MIB  # bytes a second
TIMEOUT_S = 3.0
EVENTS = 100  # about 24 kB a request in the log: the disk takes about 40 of them a second
WARM_UP_S = 4.0  # for the gateway to find out how slow its disk is


@pytest.fixture(scope="module")
def slow_disk(tmp_path_factory: pytest.TempPathFactory) -> str:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler for the slow disk")
    made = tmp_path_factory.mktemp("slow") / "slow_disk.so"
    source = Path(__file__).with_name("slow_disk.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", made, source, "-ldl"], check=True, timeout=60)
    return str(made)


@pytest.fixture
def slow(tmp_path: Path, slow_disk: str, request: pytest.FixtureRequest) -> Iterator[GatewayProcess]:
    """A gateway on the slow disk, with as many bytes of queue as the test asks for."""
    process = GatewayProcess(tmp_path, gateway_timeout_seconds=TIMEOUT_S, gateway_queue_bytes=request.param)
    try:
        process.control.add_site("flood.example.com", now=0)
        process.control.add_site("quiet.example.com", now=0)
        process.start("env", f"LD_PRELOAD={slow_disk}", f"SLOW_DISK_BYTES_PER_SECOND={DISK}")
        yield process
    finally:
        process.close()


def public_id(gateway: GatewayProcess, site_id: str) -> str:
    return gateway.control.sites().by_id[site_id].public_id


@pytest.mark.parametrize("slow", [64 * MIB], indirect=True)
def test_above_capacity_what_is_accepted_is_quick_and_the_rest_is_told_to_wait(slow: GatewayProcess) -> None:
    process = psutil.Process(slow.process.pid)
    before = process.memory_info().rss
    # 180 requests at once are more than four seconds of this disk, and so than the gateway's timeout:
    # without a queue that follows the disk nearly everything would be answered too late.
    flood = Sender(slow.port, public_id(slow, "flood.example.com"), 180, EVENTS, pause_s=0.5)
    seconds = WARM_UP_S + 4
    since = run_all(seconds, flood) + WARM_UP_S
    grown = process.memory_info().rss - before
    found = flood.statuses(since)
    assert set(found) == {202, 503}
    assert all(one.retry_after.isdigit() and int(one.retry_after) >= 1 for one in flood.seen if one.status == 503)
    assert flood.slowest(since, 0.5) < TIMEOUT_S / 2  # test_shares.py has the exact bound
    assert found[202] > 20, found
    assert grown < 150 * MIB
    # It recovers by itself.
    calm = Sender(slow.port, public_id(slow, "flood.example.com"), 2, EVENTS, pause_s=0.1)
    wait_for(lambda: slow.metric("footfall_gateway_waiting_requests") == 0, 10, "an empty queue")
    run_all(1.5, calm)
    assert set(calm.statuses()) == {202}
    stored = {made.batch_id for made in slow.records()}
    assert {one.batch_id for one in flood.accepted() + calm.accepted()} <= stored
    assert "Traceback" not in slow.output.read_text()


@pytest.mark.parametrize("slow", [MIB], indirect=True)
def test_a_sites_flood_leaves_room_for_another_site(slow: GatewayProcess) -> None:
    flood = Sender(slow.port, public_id(slow, "flood.example.com"), 150, EVENTS, pause_s=0.5)
    quiet = Sender(slow.port, public_id(slow, "quiet.example.com"), 3, 5, pause_s=0.05)
    since = run_all(6.0, flood, quiet) + 1.0
    assert flood.statuses(since)[503] > 100
    assert flood.statuses(since)[202] > 20
    answers = quiet.statuses(since)
    assert answers.total() > 10
    assert answers[202] > 0.95 * answers.total(), answers
    assert quiet.slowest(since, 0.5) < TIMEOUT_S * 0.8
    # Ready all the while: a load balancer must not take the gateway from everybody for one site's flood.
    assert slow.client.get("/readyz").status_code == 200
