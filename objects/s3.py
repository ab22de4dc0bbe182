"""The object store on a server that speaks S3: AWS, MinIO, Ceph, Garage, VersityGW ...

One request each, none in parts (MAX_OBJECT_BYTES is below what S3 takes at once), so that an
object is there whole or not at all. What can be tried again is, for `retry_s`: connections that
break, servers that are busy or starting. What the server refuses is told at once.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TypeVar

from minio import Minio
from minio.error import S3Error
from urllib3 import BaseHTTPResponse

from objects.keys import check_key, check_prefix, check_size, is_key, stage_prefix
from objects.protocol import MAX_OBJECT_BYTES, Listed, ObjectMissing, ObjectStoreError, WrongObjectStore
from objects.s3_errors import CLIENT_ERRORS, code, explain, worth_another_try
from objects.s3_http import make_pool

T = TypeVar("T")

PAGE = 1000  # keys of one answer, S3's own limit
PIECE_BYTES = 1024 * 1024
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
_NO_BUCKET, _NO_KEY = "NoSuchBucket", "NoSuchKey"
_AWS_REGION = re.compile(r"s3[.-](?:dualstack\.)?([a-z]+(?:-[a-z]+)+-\d+)\.amazonaws\.com")
_OURS = "BucketAlreadyOwnedByYou"  # somebody made it just now


@dataclass(frozen=True)
class S3Options:
    """How a bucket is reached. A call lasts `retry_s` and one more attempt at most."""

    endpoint: str  # https://host:port
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    ca_file: Path | None = None
    connect_timeout_s: float = 5.0  # and for each piece that is sent
    read_timeout_s: float = 30.0  # without a byte from the server
    retry_s: float = 60.0

    @property
    def where(self) -> str:
        """For messages."""
        return f"the object store (bucket {self.bucket} at {self.endpoint})"


class S3Store:
    """The objects of one stage in a bucket, below `stage/`."""

    def __init__(self, options: S3Options, stage: str) -> None:
        """Asks the server nothing yet."""
        self._options = options
        self._bucket = options.bucket
        self._stage = stage
        self._prefix = stage_prefix(stage)
        self._client = _make_client(options)

    def check(self) -> None:
        """Whether the bucket is there and may be looked into. Below the stage only: more need
        not be allowed."""
        self._call("", lambda: self._page("", ""))

    def prepare(self, *, change: bool = True) -> list[str]:
        """Make the bucket if there is none; what was done, or with `change` false is to be done."""
        if self._call("", self._has_bucket):
            return []
        if change:
            self._call("", self._make_bucket)
            self.check()
        return [f"bucket {self._bucket} at {self._options.endpoint}"]

    def put(self, key: str, data: bytes) -> None:
        """See `ObjectStore`."""
        name = self._name(key)
        check_size(key, len(data))
        self._call(key, partial(self._put, name, data), needed=len(data))

    def get(self, key: str, max_bytes: int = MAX_OBJECT_BYTES) -> bytes:
        """See `ObjectStore`."""
        name = self._name(key)
        found = self._call(key, lambda: self._if_there(lambda: self._read(name, key, max_bytes)))
        if found is None:
            raise ObjectMissing(f"there is no object {key} in {self._options.where}, stage {self._stage}")
        return found

    def size(self, key: str) -> int | None:
        """See `ObjectStore`."""
        name = self._name(key)
        return self._call(key, lambda: self._if_there(lambda: self._client.stat_object(self._bucket, name).size))

    def listing(self, prefix: str = "", start_after: str = "") -> Iterator[Listed]:
        """See `ObjectStore`."""
        check_prefix(prefix, self._stage)
        check_prefix(start_after, self._stage)
        return self._pages(prefix, start_after)

    def delete(self, key: str) -> None:
        """See `ObjectStore`."""
        name = self._name(key)
        self._call(key, lambda: self._if_there(lambda: self._client.remove_object(self._bucket, name)))

    def _name(self, key: str) -> str:
        check_key(key, self._stage)
        return self._prefix + key

    def _put(self, name: str, data: bytes) -> None:
        # As one part: of several, what a killed writer has sent would stay there, unseen and paid for.
        self._client.put_object(self._bucket, name, BytesIO(data), len(data), part_size=MAX_OBJECT_BYTES)

    def _read(self, name: str, key: str, max_bytes: int) -> bytes:
        response = self._client.get_object(self._bucket, name)
        try:
            return b"".join(_pieces(response, key, max_bytes))
        finally:
            response.close()  # one that was read to its end has gone back to the others

    def _pages(self, prefix: str, start_after: str) -> Iterator[Listed]:
        """Each page is a listing of its own, so that one that fails can be asked for again."""
        while True:
            page = self._call("", partial(self._page, prefix, start_after))
            yield from (found for found in page if is_key(found.key, self._stage))
            if len(page) < PAGE:
                return
            start_after = page[-1].key

    def _page(self, prefix: str, start_after: str) -> list[Listed]:
        objects = self._client.list_objects(
            self._bucket,
            prefix=self._prefix + prefix,
            recursive=True,
            start_after=self._prefix + start_after if start_after else None,
        )
        return [
            Listed((found.object_name or "").removeprefix(self._prefix), found.size or 0)
            for found in islice(objects, PAGE)
        ]

    def _has_bucket(self) -> bool:
        try:
            self._page("", "")
        except S3Error as error:
            if code(error) != _NO_BUCKET:
                raise
            return False
        return True

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:
            if code(error) != _OURS:
                raise

    def _if_there(self, what: Callable[[], T]) -> T | None:
        try:
            return what()
        except S3Error as error:
            if code(error) != _NO_KEY:
                raise
            return None

    def _call(self, key: str, what: Callable[[], T], *, needed: int = 0) -> T:
        """Try until it works, is refused, or has taken too long."""
        deadline = time.monotonic() + self._options.retry_s
        longest = FIRST_PAUSE_S
        while True:
            try:
                return what()
            except ObjectStoreError:
                raise
            except CLIENT_ERRORS as error:
                # A pause of any length up to the longest: many that wait do not come back together.
                pause = random.uniform(0, longest)
                if not worth_another_try(error) or time.monotonic() + pause > deadline:
                    raise explain(error, self._options.where, key, needed) from error
            time.sleep(pause)
            longest = min(2 * longest, LONGEST_PAUSE_S)


def _pieces(response: BaseHTTPResponse, key: str, max_bytes: int) -> Iterator[bytes]:
    """As it is stored, up to its end: an answer that breaks off before is an error."""
    check_size(key, int(response.headers.get("content-length", 0)), max_bytes)
    size = 0
    while piece := response.read(PIECE_BYTES, decode_content=False):
        size += len(piece)
        check_size(key, size, max_bytes)  # a server need not say beforehand
        yield piece


def _make_client(options: S3Options) -> Minio:
    try:
        pool = make_pool(options.ca_file, options.connect_timeout_s, options.read_timeout_s)
    except OSError as error:  # ssl.SSLError is one
        said = error.strerror or "it holds no certificates"
        raise WrongObjectStore(
            f"{options.ca_file} cannot be read: {said}. Look at FOOTFALL_OBJECTS_CA_FILE"
        ) from error
    scheme, _, address = options.endpoint.rstrip("/").partition("://")
    _check_region(address, options)
    try:
        return Minio(
            address,
            access_key=options.access_key,
            secret_key=options.secret_key,
            secure=scheme == "https",
            region=options.region,  # else the client asks for it, which needs a right of its own
            http_client=pool,
        )
    except ValueError as error:
        raise WrongObjectStore(f"{options.where}: {error}. Look at FOOTFALL_OBJECTS_ENDPOINT") from error


def _check_region(address: str, options: S3Options) -> None:
    """On AWS the client goes where the region says, whatever region the endpoint names."""
    named = _AWS_REGION.match(address)
    if named is not None and named[1] != options.region:
        raise WrongObjectStore(
            f"{options.endpoint} is of another region than {options.region}: set "
            f"FOOTFALL_OBJECTS_REGION={named[1]}, or name the endpoint of the region where the bucket is"
        )
