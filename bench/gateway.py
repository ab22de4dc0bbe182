"""How much the gateway takes on one core: `python -m bench.gateway [--kafka]`.

Starts it over the local log, or a Kafka of one broker beside the client, pinned to one core; sends
from the other one. Prints events/s
with a durable 202 each, CPU-seconds of the gateway per 1M events, and the latency at half
of that load. Numbers of a machine that does other things are to be read as ratios: look at
the CPU-seconds, and at how busy the client was.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import click
import psutil

import control
from bench.gateway_load import EVENTS, Client, Load, make_requests
from bench.kafka import kafka, prepare


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(data_dir: Path, port: int, core: int, log: dict[str, str]) -> subprocess.Popen[bytes]:
    chosen = log | {
        "FOOTFALL_DATA_DIR": str(data_dir),
        "FOOTFALL_GATEWAY_PORT": str(port),
        "FOOTFALL_SITE_EVENTS_PER_SECOND": "0",
        "FOOTFALL_TRUSTED_PROXIES": "127.0.0.1",  # so that every visitor has an address of their own
    }
    with (data_dir / "gateway.log").open("wb") as output:
        command = [sys.executable, "-m", "ingest_gateway"]
        # The child takes over our affinity; set it before, not after its threads exist.
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {core})
        process = subprocess.Popen(command, env=os.environ | chosen, stdout=output, stderr=output)
        os.sched_setaffinity(0, mine)
    return process


def wait_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise click.ClickException("the gateway did not become ready: see gateway.log in the data directory")


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def report(title: str, load: Load, gateway_cpu: float) -> None:
    events = load.requests * EVENTS
    p50, p99 = percentile(load.latencies_ms, 0.5), percentile(load.latencies_ms, 0.99)
    busy, client = gateway_cpu / load.seconds, load.client_cpu / load.seconds
    print(title)
    print(f"  events/s with a durable 202     {events / load.seconds:>10,.0f}")
    print(f"  gateway CPU-seconds per 1M      {gateway_cpu / events * 1e6:>10.2f}   (busy {busy:.0%} of a core)")
    print(f"  events/s a whole core would do  {events / gateway_cpu:>10,.0f}")
    print(f"  latency p50 / p99 / max ms      {p50:>10.1f} / {p99:.1f} / {max(load.latencies_ms):.1f}")
    print(f"  failures {load.failures}, client busy {client:.0%}")


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Length of each phase.")
@click.option("--connections", default=64, show_default=True)
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="On the disk to measure (default: a temporary one)."
)
@click.option("--kafka", "on_kafka", is_flag=True, help="Over Kafka in place of the local log.")
def main(seconds: float, connections: int, data_dir: Path | None, on_kafka: bool) -> None:
    """Measure the gateway."""
    cores = sorted(os.sched_getaffinity(0))
    gateway_core, client_core = cores[0], cores[-1]
    with ExitStack() as opened:
        directory = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=data_dir)))
        log: dict[str, str] = {}
        if on_kafka:
            os.sched_setaffinity(0, {client_core})
            cluster, log = opened.enter_context(kafka(directory))
            prepare(cluster.bootstrap, directory)
            os.sched_setaffinity(0, set(cores))
        port = free_port()
        plane = control.open(f"sqlite:///{directory / 'control.db'}")
        site = plane.add_site("shop.example.com", now=int(time.time() * 1000))
        process = start(directory, port, gateway_core, log)
        try:
            wait_ready(port, process)
            os.sched_setaffinity(0, {client_core})
            measure(port, site.public_id, connections, seconds, psutil.Process(process.pid))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            plane.close()


def measure(port: int, public_id: str, connections: int, seconds: float, gateway: psutil.Process) -> None:
    requests = make_requests(public_id, f"127.0.0.1:{port}")
    size = sum(map(len, requests)) // len(requests)
    print(f"{EVENTS} events a request of {size} bytes, {connections} connections")
    print(f"load average of the machine before: {os.getloadavg()[0]:.1f}")
    client = Client(port, connections, requests)
    client.run(min(2.0, seconds))  # warm up
    before = cpu_seconds(gateway)
    full = client.run(seconds)
    report("full load", full, cpu_seconds(gateway) - before)
    before = cpu_seconds(gateway)
    half = client.run(seconds, rate=full.requests / full.seconds / 2)
    report("half load", half, cpu_seconds(gateway) - before)
    client.close()


if __name__ == "__main__":
    main()
