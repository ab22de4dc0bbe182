"""Built files of a test's own, and `python -m tests.gateway.own_scripts FOLDER PYTHON -m MODULE`: the module,
with these files in place of the SDK's."""

from __future__ import annotations

import base64
import hashlib
import json
import runpy
import sys
from pathlib import Path

from ingest_gateway import scripts

VERSION = "9.8.7"
CORE = b"/* core */" + b"var a=1;" * 200
PART = b"/* auto */" + b"var b=2;" * 100


def write_scripts(folder: Path) -> None:
    """f.js, f.auto.js and their manifest."""
    files = {"f.js": CORE, "f.auto.js": PART}
    told = {}
    for name, content in files.items():
        (folder / name).write_bytes(content)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        told[name] = {"bytes": len(content), "gzip": 40, "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps({"version": VERSION, "files": told}))


if __name__ == "__main__":
    vars(scripts)["FOLDER"] = Path(sys.argv[1])
    runpy.run_module(sys.argv[-1], run_name="__main__")
