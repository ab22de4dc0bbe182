"""Which object store the settings mean: S3 where a server is named, else a directory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from footfall.settings import Settings
from objects.directory import DirectoryStore
from objects.protocol import ObjectStore, WrongObjectStore

if TYPE_CHECKING:
    from objects.s3 import S3Options, S3Store


def open_objects(settings: Settings, stage: str, *, patience_s: float | None = None) -> ObjectStore:
    """The objects of a stage. Raises `WrongObjectStore` and `ObjectStoreUnreachable`; on S3 also
    where there is no bucket, which `prepare_objects` can make. `patience_s` is for a server that does
    not answer."""
    if not settings.objects_endpoint:
        return DirectoryStore(settings.objects_dir(), stage)
    store = _s3(settings, stage, patience_s)
    store.check()
    return store


def prepare_objects(
    settings: Settings, stage: str, *, change: bool = True, patience_s: float | None = None
) -> list[str]:
    """Make the bucket where there is none and the keys allow it; what was done, or with `change`
    false what is to be done. A directory needs nothing. `patience_s` is for a server that does not
    answer."""
    return _s3(settings, stage, patience_s).prepare(change=change) if settings.objects_endpoint else []


def s3_options(settings: Settings) -> S3Options:
    """How the bucket is reached."""
    from objects.s3 import S3Options

    needed = ("objects_bucket", "objects_access_key", "objects_secret_key")
    missing = [f"FOOTFALL_{name.upper()}" for name in needed if not getattr(settings, name)]
    if missing:
        raise WrongObjectStore(f"FOOTFALL_OBJECTS_ENDPOINT is set: set {' and '.join(missing)} too")
    return S3Options(
        endpoint=settings.objects_endpoint,
        bucket=settings.objects_bucket,
        access_key=settings.objects_access_key,
        secret_key=settings.objects_secret_key,
        region=settings.objects_region,
        ca_file=settings.objects_ca_file,
    )


def _s3(settings: Settings, stage: str, patience_s: float | None = None) -> S3Store:
    from objects.s3 import S3Store  # imported where it is used: it takes time and memory

    options = s3_options(settings)
    return S3Store(options if patience_s is None else replace(options, retry_s=patience_s), stage)
