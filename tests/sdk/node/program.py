"""A Node program that uses the SDK's package, bundled from the sources."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from scripts import node
from tests.fixtures.node import sdk_modules

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "sdk-js" / "tests" / "npm" / "bundle.mjs"

# It does what it is told, line by line, and answers with a line of JSON.
DRIVEN = """
import { createInterface } from 'node:readline';
import { FootfallTracker } from '@footfall/sdk/node';

const problems = [];
const settings = JSON.parse(process.env.SETTINGS);
const tracker = new FootfallTracker({ ...settings, onError: (problem) => problems.push(problem) });
for await (const line of createInterface({ input: process.stdin })) {
  const [method, ...given] = JSON.parse(line);
  const answer = method == 'problems' ? problems : await tracker[method](...given);
  console.log(JSON.stringify(answer ?? null));
}
"""


def bundled(source: str, directory: Path, platform: str = "node") -> Path:
    sdk_modules()
    entry, out = directory / "program.ts", directory / f"program.{'mjs' if platform == 'node' else 'js'}"
    entry.write_text(source)
    command = node.command(str(BUNDLE), str(entry), str(out), platform)
    done = subprocess.run(command, env=node.environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def run(source: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """To its own end, which must come soon."""
    out = bundled(source, directory)
    env = {**os.environ, **environment}
    return subprocess.run(node.command("node", str(out)), env=env, capture_output=True, text=True, timeout=30)


class Program:
    """A tracker in a process of its own, whose methods can be called."""

    def __init__(self, script: Path, **settings: Any) -> None:
        env = {**os.environ, "SETTINGS": json.dumps(settings)}
        self.process = subprocess.Popen(
            node.command("node", str(script)), env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, method: str, *given: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps([method, *given]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self) -> int:
        """No more calls: the process has nothing left to do."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream
            stream.close()
