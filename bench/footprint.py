"""`python -m bench.footprint`: what `footfall up` takes when next to nothing happens.

Starts everything in a directory of its own and measures the time to ready, then memory
(PSS: shared pages divided among those who share them; USS: what would be freed) and CPU
of every process, first idle, then at one event a second.
"""

from __future__ import annotations

import argparse
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from cli.demonstration.sender import Sender
from cli.demonstration.shop import make_shop
from cli.running import started
from embedded.paths import resolve, status_file
from embedded.traffic import traffic
from footfall.settings import Settings

MIB = 1024 * 1024
BAR_CPU, BAR_MIB, BAR_READY_S = 0.05, 600, 10


def settings_in(directory: str) -> Settings:
    """Defaults, on free ports."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    names = ("gateway_port", "clickhouse_port", "clickhouse_http_port")
    values: dict[str, object] = {"data_dir": Path(directory) / "data", "trusted_proxies": "127.0.0.1/32"}
    return resolve(Settings.model_validate(values | dict(zip(names, ports, strict=True))))


def processes(settings: Settings) -> dict[str, list[psutil.Process]]:
    """Each part with the processes it started."""
    status = json.loads(status_file(settings.data_dir).read_text())
    pids = {"supervisor": status["pid"]} | {
        name: part["pid"] for name, part in status["parts"].items() if part["pid"]
    }
    found = {name: psutil.Process(pid) for name, pid in pids.items()}
    return {
        name: [process] if name == "supervisor" else [process, *process.children(recursive=True)]
        for name, process in found.items()
    }


def cpu_seconds(family: list[psutil.Process]) -> float:
    """CPU time so far."""
    return sum(sum(process.cpu_times()[:2]) for process in family)


def measure(settings: Settings, seconds: float) -> dict[str, dict[str, float]]:
    """Part -> cpu (share of a core), pss and uss (MiB), over `seconds`."""
    families = processes(settings)
    before = {name: cpu_seconds(family) for name, family in families.items()}
    began = time.monotonic()
    time.sleep(seconds)
    taken = time.monotonic() - began
    result = {}
    for name, family in families.items():
        memory = [process.memory_full_info() for process in family]
        result[name] = {
            "cpu": (cpu_seconds(family) - before[name]) / taken,
            "pss_mib": sum(one.pss for one in memory) / MIB,
            "uss_mib": sum(one.uss for one in memory) / MIB,
        }
    result["all"] = {key: sum(one[key] for one in result.values()) for key in ("cpu", "pss_mib", "uss_mib")}
    return result


@contextmanager
def one_event_a_second(settings: Settings) -> Iterator[None]:
    """Sends a page view a second for the length of the block."""
    site, _ = make_shop(settings, 1800)
    sender = Sender(settings.gateway_host, settings.gateway_port, site.public_id)
    done = threading.Event()

    def send() -> None:
        for request in traffic(1, 3600, 50):
            single = request.step._replace(events=request.step.events[:1])
            body = request.visit.body(single, time.time_ns() // 1_000_000, lambda count: b"\x07" * count)
            status, answer = sender.post(body, request.visit.headers)
            assert status in (202, 401), answer  # 401 until the gateway has heard of the site
            if done.wait(1.0):
                return

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(5)
        sender.close()


def run(seconds: float) -> dict[str, Any]:
    """The whole measurement; about twice `seconds` and a quarter of a minute."""
    with tempfile.TemporaryDirectory() as directory:
        settings = settings_in(directory)
        with started(settings):
            ready_s = json.loads(status_file(settings.data_dir).read_text())["ready_after_s"]
            time.sleep(5)  # the first runs of all jobs are part of the start
            idle = measure(settings, seconds)
            with one_event_a_second(settings):
                time.sleep(5)
                busy = measure(settings, seconds)
    return {"ready_s": ready_s, "seconds": seconds, "idle": idle, "one_event_a_second": busy}


def report(result: dict[str, Any]) -> str:
    """As a table."""
    lines = [f"ready after {result['ready_s']:.1f} s (bar: {BAR_READY_S} s)"]
    for name in ("idle", "one_event_a_second"):
        lines.append(f"\n{name.replace('_', ' ')}, over {result['seconds']:.0f} s")
        lines.append(f"{'part':<12}{'CPU %':>8}{'PSS MiB':>10}{'USS MiB':>10}")
        for part, one in result[name].items():
            lines.append(f"{part:<12}{100 * one['cpu']:>8.2f}{one['pss_mib']:>10.0f}{one['uss_mib']:>10.0f}")
    total = result["one_event_a_second"]["all"]
    lines.append(f"\nbars: CPU {100 * BAR_CPU:.0f} % of a core, {BAR_MIB} MiB")
    good = total["cpu"] <= BAR_CPU and total["pss_mib"] <= BAR_MIB and result["ready_s"] <= BAR_READY_S
    return "\n".join([*lines, "met" if good else "NOT MET"])


def main() -> None:
    """Print it, or with --json write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = run(options.seconds)
    print(json.dumps(result, indent=1) if options.json else report(result))


if __name__ == "__main__":
    main()
