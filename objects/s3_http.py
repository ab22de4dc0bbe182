"""The connections to an S3 server: every wait has an end, nothing is tried again down here.

`objects.s3` does that where it can tell what is worth it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# A whole body at once would have to be sent within one timeout, 64 MiB as well as one byte.
PIECE_BYTES = 64 * 1024


class _PiecewiseConnection(HTTPConnection):
    """One whose timeout is for each piece of a body. (Over TLS it is so anyway.)"""

    def send(self, data: Any) -> None:
        if not isinstance(data, bytes):
            super().send(data)
            return
        view = memoryview(data)
        for start in range(0, len(view), PIECE_BYTES):
            super().send(view[start : start + PIECE_BYTES])


class _PiecewisePool(HTTPConnectionPool):
    ConnectionCls = _PiecewiseConnection


def make_pool(ca_file: Path | None, connect_timeout_s: float, read_timeout_s: float) -> urllib3.PoolManager:
    """Connections that are kept; raises OSError where the certificates cannot be read."""
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s),
        maxsize=10,
        retries=False,  # nor redirects: the signature is for one host
        ssl_context=ssl.create_default_context(cafile=ca_file),
    )
    pool.pool_classes_by_scheme = {"http": _PiecewisePool, "https": HTTPSConnectionPool}
    return pool
