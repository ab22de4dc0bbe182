"""The users' passwords: made at the first start, kept in files that only their owner can read."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from .startup import StartupError

_VALID = re.compile(r"[A-Za-z0-9_-]{16,128}")


def read_or_make_password(path: Path) -> str:
    """The password in `path`; makes one if the file does not exist.

    Raises StartupError if the file is damaged: a new password in its place would lock every client out silently.
    """
    try:
        text = path.read_text().strip()
    except FileNotFoundError:
        return _make(path)
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"cannot read the password file {path}: {error}. {_ADVICE}") from None
    if not _VALID.fullmatch(text):
        raise StartupError(f"the password file {path} is damaged. {_ADVICE}")
    return text


_ADVICE = "Put the password back, or delete the file: the next start makes a new one for its clients to read."


def _make(path: Path) -> str:
    password = secrets.token_urlsafe(24)
    partial = path.with_suffix(".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(password + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StartupError(f"cannot write the password file {path}: {error.strerror}") from None
    return password
