"""The sessioniser against Apache Flink 2.3 at parallelism 1, on the same event file.

    python -m bench.against_flink [--rounds 3] [--visitors 20000] [--events 3000000]

Both sides read the file (a line of JSON is what one request holds for one visitor: up to 20
events), decode it, and find sessions by event time with a window of 30 minutes and 10 minutes
of lateness, heap state, no recovery points. Flink folds five numbers in its own session windows;
ours makes whole closed rows of 45 columns. The sessions must be equal. CPU seconds, user and
system, are those of the whole process as the kernel counts them, start-up included; what a run over a
file of one record takes is printed as well. So is what ours takes as in the flow, which keeps few visitors
as objects and the others as bytes, a quarter of the size: a bound that Flink's heap state does not have.
Needs Java 17 with javac and Maven (Flink comes from its Maven artefacts). Exit code 1 where the sessions
differ or the ratio misses its bar.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from statistics import median

import msgspec

from bench.sessioniser import CLOSED_ONLY, FAR, NAMES, SEARCH, SITE, Visit, records
from flows.garbage import collect_seldom
from footfall.enrich.batch import INTERNAL, EnrichedBatch, Page
from footfall.ids import uuid7
from footfall.record import LogEvent, Record
from footfall.sessions import SessionRow, SessionShard
from footfall.sessions.open_visitors import MAX_HOT

BAR = 2.0
FLINK, FOOTFALL, BOUNDED = "Flink 2.3", "Footfall", "Footfall, as in the flow"
BASE = 1_800_000_000_000
LINES_AT_ONCE = 1_000
SOURCE = Path(__file__).with_name("flink")
BUILD = Path("bench/out/flink").absolute()
TIMEOUT_S = 600
# Flink on Java 17 asks for these.
JAVA = [
    "java", "-Xmx4g",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
]  # fmt: skip


class Line(msgspec.Struct, gc=False):
    """One line of the file; an event has a name, an id (base64), a time, a path and engaged time."""

    visitor: int
    log_time: int
    first: bool
    events: list[LogEvent]


def write_file(path: Path, visits: list[Visit]) -> None:
    """The event file both sides read."""
    chance = random.Random(1)
    encoder = msgspec.json.Encoder()
    with path.open("wb") as file:
        for visit in visits:
            line = Line(visit.visitor_id >> 1, BASE + visit.log_time, visit.first, [])  # Java's long is signed
            for number, at in enumerate(visit.times):
                name = NAMES[number % 3 if number % 15 else 0]
                line.events.append(
                    LogEvent(
                        name=name,
                        event_id=uuid7(BASE + at, chance.randbytes(10)),
                        occurred_at=BASE + at,
                        url=f"/category/product-{at % 500}",
                        engaged_ms=1200 if name == "scroll" else 0,
                    )
                )
            file.write(encoder.encode(line) + b"\n")


def ours(events: Path, out: Path, max_hot: int) -> None:
    """Our side, in a process of its own: the file to closed sessions."""
    collect_seldom()
    decoder = msgspec.json.Decoder(Line)
    shard = SessionShard(CLOSED_ONLY, max_hot)
    with events.open("rb") as file, out.open("w") as sessions:
        while lines := list(islice(file, LINES_AT_ONCE)):
            log_time = 0
            for text in lines:
                line = decoder.decode(text)
                log_time = line.log_time
                shard.absorb_batch(batch_of(line), line.visitor, log_time)
            write(shard.advance(log_time), sessions.write)
        write(shard.advance(BASE + FAR), sessions.write)


@lru_cache(1_000)
def page(path: str) -> Page:
    """Pages are cached in the flow, too."""
    return Page("shop.example.com", path)


def batch_of(line: Line) -> EnrichedBatch:
    """The record as enrichment hands it to the sessions."""
    events = line.events
    batch = EnrichedBatch(Record(site_id="shop", visitor_id=line.visitor, events=events), SITE)
    batch.occurred = [event.occurred_at for event in events]
    batch.pages = [page(event.url) for event in events]
    batch.traffic = [SEARCH if line.first else INTERNAL] + [INTERNAL] * (len(events) - 1)
    batch.goals = [()] * len(events)
    return batch


def write(rows: list[SessionRow], put: object) -> None:
    """Closed sessions as lines: visitor, start, end, events, page views, engaged time."""
    assert callable(put)
    for row in rows:
        if row.is_closed:
            put(f"{row.visitor_id} {row.start_at} {row.end_at} {row.events} {row.page_views} {row.engaged_ms}\n")


def build_flink() -> list[str]:
    """Fetch and compile what is not there yet; the command that runs the job."""
    for tool, what in (("java", "a JDK 17"), ("javac", "a JDK 17"), ("mvn", "Maven")):
        if shutil.which(tool) is None:
            raise SystemExit(f"bench.against_flink: there is no {tool}: install {what}")
    libs, classes = BUILD / "libs", BUILD / "classes"
    classpath = f"{classes}:{libs}/*"
    if not libs.exists():
        with tempfile.TemporaryDirectory(dir=BUILD) as scratch:  # there whole or not at all
            fetched = Path(scratch) / "libs"
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fetched}"]
            command = ["mvn", "--quiet", "--batch-mode", "--file", str(SOURCE / "pom.xml"), *goal]
            subprocess.run(command, check=True, timeout=TIMEOUT_S)
            fetched.rename(libs)
    compile_ = ["javac", "-d", str(classes), "-cp", classpath, str(SOURCE / "Sessions.java")]
    subprocess.run(compile_, check=True, timeout=TIMEOUT_S)
    return [*JAVA, "-cp", classpath, "footfall.bench.Sessions"]


def cpu_seconds(command: list[str], events: Path, out: Path) -> float:
    """User and system CPU seconds of the command, by the kernel's count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*command, str(events), str(out)], check=True, timeout=TIMEOUT_S, stderr=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def sessions_in(path: Path) -> Iterator[tuple[int, ...]]:
    """The sessions of an output file, in one order."""
    with path.open() as lines:
        yield from sorted(tuple(map(int, line.split())) for line in lines)


def compare(rounds: int, visitors: int, events: int) -> bool:
    """Whether the sessions are equal and the ratio meets its bar."""
    BUILD.mkdir(parents=True, exist_ok=True)
    mine = [sys.executable, "-m", "bench.against_flink", "--ours"]
    commands = {FLINK: build_flink(), FOOTFALL: [*mine, "1000000000"], BOUNDED: [*mine, str(MAX_HOT)]}
    visits = records(visitors=visitors, events=events, per_record=20)
    total = sum(len(visit.times) for visit in visits)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        file, tiny, out = Path(folder) / "events", Path(folder) / "one", Path(folder) / "sessions"
        write_file(file, visits)
        write_file(tiny, visits[:1])
        spent: dict[str, list[float]] = {name: [] for name in commands}
        found: dict[str, list[tuple[int, ...]]] = {}
        for _ in range(rounds):
            for name, command in commands.items():
                spent[name].append(cpu_seconds(command, file, out))
                found[name] = list(sessions_in(out))
        empty = {name: cpu_seconds(command, tiny, out) for name, command in commands.items()}
    one = found[FLINK]
    if any(other != one for other in found.values()):
        print(f"sessions differ: {', '.join(f'{len(rows):,}' for rows in found.values())}")
        return False
    print(f"{total:,} events, {visitors:,} visitors, {len(visits):,} records, {len(one):,} equal sessions")
    for name, seconds in spent.items():
        middle = median(seconds)
        print(
            f"  {name:24}{middle:7.2f} CPU-s, {total / middle:10,.0f} events per CPU-second;"
            f" start-up {empty[name]:.2f} CPU-s, without it {total / (middle - empty[name]):10,.0f}"
        )
    ratios = {}
    for name in (FOOTFALL, BOUNDED):
        pairs = list(zip(spent[FLINK], spent[name], strict=True))
        ratios[name] = median(theirs / ours for theirs, ours in pairs)
        without = median((theirs - empty[FLINK]) / (ours - empty[name]) for theirs, ours in pairs)
        print(f"  {name}: ratio {ratios[name]:.2f} (bar {BAR:g}), without start-up {without:.2f}")
    return ratios[FOOTFALL] >= BAR


def main() -> int:
    """Exit code 1 where a figure misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--visitors", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=3_000_000)
    parser.add_argument("--ours", nargs=3, metavar=("OBJECTS", "EVENTS", "SESSIONS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    os.environ["PYTHONHASHSEED"] = "0"
    if given.ours:
        max_hot, file, out = given.ours
        ours(Path(file), Path(out), int(max_hot))
        return 0
    return 0 if compare(given.rounds, given.visitors, given.events) else 1


if __name__ == "__main__":
    sys.exit(main())
