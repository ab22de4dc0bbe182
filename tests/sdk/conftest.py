"""The npm package as its users get it: packed, and installed into a project of theirs."""

from __future__ import annotations

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
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `npm publish` would send."""
    sdk_modules()
    folder = tmp_path_factory.mktemp("packed")
    run("npm", "pack", "--loglevel=error", f"--pack-destination={folder}", cwd=SDK)
    return next(folder.glob("*.tgz"))


@pytest.fixture(scope="session")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of somebody else's that has the package, TypeScript and Vite, in the SDK's own versions."""
    folder = tmp_path_factory.mktemp("project")
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
    return folder


@pytest.fixture
def micro() -> Iterator[MicroProcess]:
    """What takes events, and tells what came."""
    running = MicroProcess()
    yield running
    running.close()
