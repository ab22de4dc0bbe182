"""`python -m bench [NAME ...]`: run the benchmarks docs/benchmarks.md reports, one process each."""

from __future__ import annotations

import subprocess
import sys

BENCHES = (
    "eventlog", "gateway", "enrich", "agents", "sessioniser", "session_stall", "flow", "store", "storage",
    "pipeline", "freshness", "footprint", "memory", "boards", "gateway --kafka", "pipeline --kafka",
    "workers", "workers kill", "workers kill --cluster", "against_flink", "backup",
)  # fmt: skip


def main(names: list[str]) -> int:
    """Exit code 1 if any of them failed."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHES)}")
        return 2
    failed = []
    for name in names or BENCHES:
        print(f"\n== {name} (python -m bench.{name})", flush=True)
        if subprocess.run([sys.executable, "-m", *f"bench.{name}".split()], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
