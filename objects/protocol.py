"""The object store: whole objects under keys like `raw/site=shop/date=2026-11-26/0001.zst`.

`objects.directory` keeps them as files, `objects.s3` on a server that speaks S3. Both pass the
contract suite in tests/objects/contract.py; `objects.opening` chooses. `objects.keys` says what
a key is. A store is opened for one stage: its keys are below that stage's name, and no key leads
out of there.

What is promised: when `put` returns, the object is durable. Readers see it whole or not at all,
and an overwritten one as it was before or after. Two writers of one key: the last one wins, and
a put that failed for want of an answer may still come to pass. So a key belongs to one writer.

Keys are of one case: on a file system that does not tell `a` from `A`, neither does the store.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

# An object is in memory as a whole when it is written or read, and on its way perhaps twice.
MAX_OBJECT_BYTES = 64 * 1024 * 1024


class ObjectStoreError(Exception):
    """Whatever a store may say; each message tells what to do and holds no secret."""


class BadKey(ObjectStoreError, ValueError):
    """This is no key (or no prefix) of an object."""


class KeyConflict(ObjectStoreError):
    """There is an object `a` where `a/b` is to be, or the other way round.

    A file system cannot hold both, nor can most S3 servers; AWS would take it.
    """


class ObjectMissing(ObjectStoreError):
    """There is no such object."""


class ObjectTooLarge(ObjectStoreError, ValueError):
    """The object is larger than it may be, or than the caller is ready to take."""


class ObjectStoreFull(ObjectStoreError):
    """There is no room. Nothing was changed; reading goes on."""

    def __init__(self, message: str, needed_bytes: int) -> None:
        super().__init__(message)
        self.needed_bytes = needed_bytes


class ObjectStoreUnreachable(ObjectStoreError):
    """The server or the disk does not answer, or not as it should; a later try may do better."""


class WrongObjectStore(ObjectStoreError, ValueError):
    """The store is not what the settings say, or refuses them. Trying again does not help."""


class Listed(NamedTuple):
    """One object of a listing."""

    key: str
    size: int


class ObjectStore(Protocol):
    """The objects of one stage. Thread-safe; not to be shared with a forked process.

    Any call may raise `ObjectStoreUnreachable` or `WrongObjectStore`, and `BadKey` before
    anything else is done.
    """

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, in place of what was there.

        Raises `ObjectTooLarge` above MAX_OBJECT_BYTES, `ObjectStoreFull` and `KeyConflict`.
        """

    def get(self, key: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """The object; raises `ObjectMissing`, and `ObjectTooLarge` if it is above `max_bytes`."""

    def size(self, key: str) -> int | None:
        """How many bytes the object has; None if there is none."""

    def listing(self, prefix: str = "", start_after: str = "") -> Iterator[Listed]:
        """The objects whose keys begin with `prefix` and come after `start_after`, by key.

        Read as it is consumed: what is put or deleted meanwhile may or may not be in it. What
        others have put there under names that are no keys is left out.
        """

    def delete(self, key: str) -> None:
        """Let go of the object; done as well where there is none."""
