"""What an S3 server's errors, and those on the way to it, mean; never with a secret in it."""

from __future__ import annotations

import ssl
from xml.etree.ElementTree import ParseError

from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from urllib3.exceptions import HTTPError, SSLError

from objects.protocol import (
    KeyConflict,
    ObjectStoreError,
    ObjectStoreFull,
    ObjectStoreUnreachable,
    WrongObjectStore,
)

# What a call through the client may raise. The last two: an answer that is not S3's.
CLIENT_ERRORS = (MinioException, HTTPError, ParseError, ValueError)

_FULL = {"XMinioStorageFull", "InsufficientStorage", "QuotaExceeded"}
_CONFLICT = {
    "ObjectParentIsFile", "ExistingObjectIsDirectory",  # VersityGW
    "XMinioParentIsObject", "XMinioObjectExistsAsDirectory",  # MinIO
}  # fmt: skip
# Asked to slow down, or a connection on which the request came too slowly: whatever the status.
_AGAIN = {"SlowDown", "RequestTimeout"}
_KEYS = "Look at FOOTFALL_OBJECTS_ACCESS_KEY and FOOTFALL_OBJECTS_SECRET_KEY"
_REGION = "Look at FOOTFALL_OBJECTS_REGION and FOOTFALL_OBJECTS_ENDPOINT"
_ADVICE = {
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": _KEYS,
    "AccessDenied": f"{_KEYS}, and at what they allow: docs/production.md (Objects on S3) says what is needed",
    "RequestTimeTooSkewed": "Set this machine's clock",
    "AuthorizationHeaderMalformed": _REGION,
    "PermanentRedirect": _REGION,
    "Redirect": _REGION,
}
_SAID_CHARS = 200


def code(error: BaseException) -> str:
    """S3's name for the error; empty where it gave none."""
    return (error.code or "") if isinstance(error, S3Error) else ""


def worth_another_try(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, HTTPError):
        return not _untrusted(error)
    if code(error) in _AGAIN:
        return True
    status = _status(error)
    return status >= 500 and status != 501 and code(error) not in _FULL


def explain(error: Exception, where: str, key: str, needed: int) -> ObjectStoreError:
    """The error in plain words."""
    name, said = code(error), _said(error)
    if name in _CONFLICT:
        return KeyConflict(
            f"{where} cannot keep {key}: one of its folders is an object, or it is itself a folder of objects"
        )
    if name in _FULL:
        return ObjectStoreFull(
            f"{where} cannot be written: {said}. {key} needs {needed} bytes. Nothing was stored; make room there "
            "and try again",
            needed,
        )
    if name == "NoSuchBucket":
        return WrongObjectStore(
            f"{where}: there is no such bucket. Make it (docs/production.md, Objects on S3), or look at "
            "FOOTFALL_OBJECTS_BUCKET and FOOTFALL_OBJECTS_ENDPOINT"
        )
    if isinstance(error, HTTPError) and _untrusted(error):
        return WrongObjectStore(f"{where} cannot be trusted: {said}. Look at FOOTFALL_OBJECTS_CA_FILE")
    if worth_another_try(error):
        return ObjectStoreUnreachable(
            f"{where} does not answer as it should: {said}. Look at the server, the network and "
            "FOOTFALL_OBJECTS_ENDPOINT, and try again"
        )
    if isinstance(error, S3Error):
        return WrongObjectStore(f"{where} refuses: {said}. {_ADVICE.get(name, _KEYS)}")
    return WrongObjectStore(f"{where} does not speak S3: {said}. Look at FOOTFALL_OBJECTS_ENDPOINT")


def _status(error: Exception) -> int:
    if isinstance(error, S3Error):
        return error.response.status
    if isinstance(error, ServerError):
        return error.status_code
    if isinstance(error, InvalidResponseError):
        return error._code  # it has no public name
    return 0


def _untrusted(error: HTTPError) -> bool:
    return isinstance(error, SSLError) and any(isinstance(a, ssl.SSLCertVerificationError) for a in error.args)


def _said(error: Exception) -> str:
    """On one line, and not at any length: whoever answered, it need not be a server of ours."""
    if isinstance(error, S3Error):
        text = f"{error.code}: {error.message}"
    elif isinstance(error, InvalidResponseError):
        text = f"status {_status(error)}, not in XML"
    elif isinstance(error, HTTPError):
        text = f"{type(error).__name__}: {error}"
    elif isinstance(error, MinioException):
        text = str(error)
    else:
        text = "its answer cannot be read"
    return "".join(c if c.isprintable() else " " for c in text)[:_SAID_CHARS].rstrip(". ")
