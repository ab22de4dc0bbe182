"""The checker notices when a guarantee is broken on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.local import LocalLog
from tests.drill.checker import check_exactly_once, raw_rows
from tests.drill.load import Load
from tests.drill.stack import HOST, Stack, wait_for

# Which part to kill so that the fault shows, and what the checker then says.
FAULTS = {
    "duplicates_pass": ("", "stored more than once"),
    "skip_off_by_one": ("flow", "stored"),
    "acknowledge_before_write": ("gateway", "are not stored"),
}


@pytest.mark.timeout(240)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_checker_finds_the_fault(tmp_path: Path, fault: str) -> None:
    victim, complaint = FAULTS[fault]
    with Stack(tmp_path / "data", fault) as stack:
        load = Load(stack.settings.gateway_port, stack.public_id, HOST)
        load.start()
        for _ in range(2):
            _some_traffic(load)
            if victim == "flow":
                stack.wait_for_unsaved_rows()
            if victim:
                stack.kill(victim)
        sent = load.stop()
        if victim == "flow":  # one that begins at the log's start looks old events up, and skips nothing
            assert all(epoch > 1 for epoch in stack.flow_beginnings()[1:])
        wait_for("the rows to settle", lambda: _settled(stack), 60)
        client = stack.client()
        problems = check_exactly_once(raw_rows(client, HOST), sent.told)
        client.disconnect()
        assert any(complaint in problem for problem in problems), problems


def _some_traffic(load: Load) -> None:
    before = load.sent.batches
    wait_for("traffic", lambda: load.sent.batches > before + 30, 60)


def _settled(stack: Stack) -> bool:
    """Whether the flow has read and stored all that is in the log."""
    client = stack.client()
    try:
        rows = client.execute(
            "SELECT log_partition, argMax(log_offset, stored_at) FROM progress GROUP BY log_partition"
        )
    finally:
        client.disconnect()
    reached = dict(rows)
    stage = stack.settings.stage
    reader = LocalLog(stack.settings.log_dir(stage), stack.settings.partitions).reader()
    try:
        # Heartbeats never stop, so a little behind is settled.
        return all(reader.bounds(n)[1] - reached.get(n, 0) <= 3 for n in range(stack.settings.partitions))
    finally:
        reader.close()
