"""What a key is: the one place where keys are checked, for every store.

Few characters, so that a key means the same in a file system, in a URL and in a signature.
"""

from __future__ import annotations

import re

from objects.protocol import MAX_OBJECT_BYTES, BadKey, ObjectTooLarge

OWNER_KEY = "owner"  # the mark of the installation that a stage's objects belong to (see installations/)
MAX_KEY_BYTES = 1024  # S3's limit, the stage included
MAX_SEGMENT_BYTES = 255  # a file's name

_SEGMENT = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._=-]{1,255}"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_PREFIX = re.compile(rf"(?:{_SEGMENT}/)*[A-Za-z0-9._=-]{{0,255}}")
_STAGE = re.compile(r"[a-z][a-z0-9]{0,15}")
_RULE = (
    "segments of A-Z, a-z, 0-9, '.', '_', '=' and '-', joined by '/', none empty, '.', '..' or longer than "
    f"{MAX_SEGMENT_BYTES}, {MAX_KEY_BYTES} in all with the stage"
)


def stage_prefix(stage: str) -> str:
    """What the keys of a stage begin with where stages share a bucket."""
    if not _STAGE.fullmatch(stage):
        raise BadKey(f"{stage[:40]!r} is no stage")
    return f"{stage}/"


def is_key(key: str, stage: str) -> bool:
    """Whether an object of the stage can have this key."""
    return len(key) + len(stage) < MAX_KEY_BYTES and _KEY.fullmatch(key) is not None


def check_key(key: str, stage: str) -> None:
    """Raises `BadKey`."""
    if not is_key(key, stage):
        raise BadKey(f"{key[:80]!r} cannot be the key of an object: {_RULE}")


def is_prefix(prefix: str, stage: str) -> bool:
    """Whether keys can begin so; the last segment may be the beginning of one, or empty."""
    return len(prefix) + len(stage) < MAX_KEY_BYTES and _PREFIX.fullmatch(prefix) is not None


def check_prefix(prefix: str, stage: str) -> None:
    """Raises `BadKey`."""
    if not is_prefix(prefix, stage):
        raise BadKey(f"no key of an object begins with {prefix[:80]!r}: {_RULE}")


def check_size(key: str, size: int, limit: int = MAX_OBJECT_BYTES) -> None:
    """Raises `ObjectTooLarge`."""
    if size > limit:
        raise ObjectTooLarge(f"{key} has more than the {limit} bytes it may have: store it in parts")
