"""The samples in docs/electron.md, against the types that Electron itself publishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.fixtures.node import SDK, run, sdk_modules
from tests.sdk.electron.test_app import sample

ELECTRON = "45.5.0"
STRICT = {
    "strict": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable"],
    "types": [],
    "skipLibCheck": True,
    "noEmit": True,
    "paths": {"@footfall/sdk/*": [f"{SDK}/src/npm/*"]},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app's, with Electron's types; its binary, which a script would load, is not needed."""
    folder = tmp_path_factory.mktemp("app")
    manifest = {"name": "app", "private": True, "type": "module", "devDependencies": {"electron": ELECTRON}}
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "tsconfig.json").write_text(
        json.dumps({"compilerOptions": STRICT, "include": ["*.ts", f"{SDK}/src/globals.d.ts"]})
    )
    options = ("--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error")
    run("npm", "install", *options, cwd=folder)
    return folder


@pytest.mark.drill  # it fetches Electron's typings
def test_the_samples_fit_electron(project: Path) -> None:
    kinds = ("main", "preload", "renderer")
    for kind in kinds:
        (project / f"{kind}.ts").write_text(sample(kind))
    checked = run(str(sdk_modules() / "typescript" / "bin" / "tsc"), "-p", ".", "--listFilesOnly", cwd=project)
    assert all(f"/{kind}.ts" in checked for kind in kinds)
    assert "electron.d.ts" in checked
    run(str(sdk_modules() / "typescript" / "bin" / "tsc"), "-p", ".", cwd=project)
