"""Names of a site's own for script and endpoint, so that no list of trackers can name them: checked."""

from __future__ import annotations

import re

from control.errors import ControlError

MAX_SCRIPT_NAME, MAX_ENDPOINT_PATH = 64, 128
_SCRIPT = re.compile(r"([a-z0-9][a-z0-9-]*)\.js")
# No dot anywhere: so no endpoint is ever called as a script is.
_ENDPOINT = re.compile(r"(/[a-z0-9][a-z0-9_-]*)+")
# What the gateway answers itself, and what it may answer one day.
RESERVED_STEMS = ("f", "pixel")
RESERVED_SEGMENTS = frozenset({"api", "f", "healthz", "metrics", "pixel", "readyz"})
_VERSION = re.compile(r"v[0-9]+")


def check_script_name(name: str) -> str:
    """One path segment like shop.js; empty: the default."""
    if not name:
        return name
    match = _SCRIPT.fullmatch(name)
    if not match or len(name) > MAX_SCRIPT_NAME:
        raise ControlError(
            f"{name!r} is not a script's name: give one like shop.js, of a-z, 0-9 and -, "
            f"at most {MAX_SCRIPT_NAME} characters"
        )
    if match[1] in RESERVED_STEMS or match[1].startswith(tuple(f"{stem}-" for stem in RESERVED_STEMS)):
        raise ControlError(f"{name} is what the gateway calls a script for all sites: choose another name")
    return name


def check_endpoint_path(path: str) -> str:
    """A path like /s/collect; empty: the default."""
    if not path:
        return path
    if not _ENDPOINT.fullmatch(path) or len(path) > MAX_ENDPOINT_PATH:
        raise ControlError(
            f"{path!r} is not an endpoint's path: give one like /s/collect, of a-z, 0-9, - and _, "
            f"at most {MAX_ENDPOINT_PATH} characters"
        )
    first = path.split("/", 2)[1]
    if first in RESERVED_SEGMENTS or _VERSION.fullmatch(first):
        raise ControlError(f"/{first} is the gateway's own: choose a path that begins otherwise")
    return path
