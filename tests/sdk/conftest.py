"""The npm package as its users get it: packed, and installed into a project of theirs."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.node import SDK, run, sdk_modules
from tests.micro.running import MicroProcess

STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "verbatimModuleSyntax": True,
    "skipLibCheck": False,
    "target": "es2022",
    "lib": ["es2022", "dom", "dom.iterable"],
    "jsx": "react-jsx",
    "types": [],
    "noEmit": True,
}
TOOLS = (
    "typescript", "vite", "publint", "@arethetypeswrong/core",
    "react", "react-dom", "react-router", "@types/react", "@types/react-dom",
)  # fmt: skip


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A directory of all test workers of this run; one at a time makes what belongs there."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "npm"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tarball(shared: Path) -> Path:
    """What `npm publish` would send."""
    sdk_modules()
    with (shared / "packed.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not list(shared.glob("*.tgz")):
            run("npm", "pack", "--loglevel=error", f"--pack-destination={shared}", cwd=SDK)
    return next(shared.glob("*.tgz"))


@pytest.fixture(scope="session")
def project(tarball: Path, shared: Path) -> Path:
    """A project of somebody else's that has the package, TypeScript and Vite, in the SDK's own versions."""
    folder = shared / "project"
    with (shared / "project.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not folder.exists():
            _install(tarball, folder.with_suffix(".partial"))
            folder.with_suffix(".partial").rename(folder)
    return folder


def _install(tarball: Path, folder: Path) -> None:
    folder.mkdir()
    versions = json.loads((SDK / "package.json").read_text())["devDependencies"]
    wanted = {name: versions[name] for name in TOOLS}
    manifest = {
        "name": "shop",
        "private": True,
        "type": "module",
        "dependencies": {"@footfall/sdk": f"file:{tarball}"},
    }
    (folder / "package.json").write_text(json.dumps({**manifest, "devDependencies": wanted}))
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    run("npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)


@pytest.fixture
def micro() -> Iterator[MicroProcess]:
    """What takes events, and tells what came."""
    running = MicroProcess()
    yield running
    running.close()
