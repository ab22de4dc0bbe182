"""Apps of the package's users, built by Vite and served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.chromium import Pages
from tests.fixtures.node import run

VITE = "node_modules/vite/bin/vite.js"
BODY = '<div id="app"></div><button>Buy</button>'
PAGE = "<!doctype html><title>Shop</title>" + BODY + '<script type="module" src="./{}"></script>'


@contextmanager
def built(project: Path, folder: str, name: str, text: str) -> Iterator[Pages]:
    """The app whose source `text` is, at `/` of a server; `/cart` and the like are it, too."""
    source = project / folder
    source.mkdir()
    (source / "index.html").write_text(PAGE.format(name))
    (source / name).write_text(text)
    run(VITE, "build", folder, "--logLevel=error", cwd=project)
    pages = Pages()
    try:
        html = (source / "dist" / "index.html").read_text()
        pages.html |= dict.fromkeys(("/", "/cart", "/shoes"), html)
        pages.html |= {f"/assets/{path.name}": path.read_text() for path in (source / "dist" / "assets").iterdir()}
        yield pages
    finally:
        pages.close()
