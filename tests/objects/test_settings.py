"""The settings of the object store: what cannot work is refused, and no secret is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from footfall.settings import Settings
from objects.opening import s3_options
from objects.protocol import WrongObjectStore
from objects.s3 import S3Options, S3Store


@pytest.mark.parametrize(
    "url",
    [
        "s3.example.com", "s3://footfall", "ftp://host", "http://", "http://host/bucket", "http://host?x=1",
        "http://key:secret-word@host:9000", "https://secret-word@host", "http://host:port", "http://ho st",
        "http://host:9000\n", "http://[::1", "https://host:123456",
    ],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(objects_endpoint=url)
    said = caught.value.errors(include_input=False, include_url=False)[0]
    assert "https://host:port" in said["msg"]
    assert "secret-word" not in str(said)


def bucket_at(url: str, region: str = "us-east-1") -> S3Options:
    given = {"objects_bucket": "footfall", "objects_access_key": "key", "objects_secret_key": "word"}
    return s3_options(Settings(objects_endpoint=url, objects_region=region, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "region", "asked"),
    [
        ("http://127.0.0.1:9000", "us-east-1", "http://127.0.0.1:9000/footfall/"),
        ("https://s3.amazonaws.com", "eu-west-1", "https://footfall.s3.eu-west-1.amazonaws.com/"),
        ("https://s3.eu-west-1.amazonaws.com", "eu-west-1", "https://footfall.s3.eu-west-1.amazonaws.com/"),
        ("https://h/", "us-east-1", "https://h/footfall/"),
        ("http://[::1]:9000", "us-east-1", "http://[::1]:9000/footfall/"),
    ],
)
def test_requests_go_to_the_endpoint(url: str, region: str, asked: str) -> None:
    store = S3Store(bucket_at(url, region), "prod")
    assert store._client.presigned_get_object("footfall", "key").startswith(asked + "key?")


@pytest.mark.parametrize("host", ["s3.eu-west-1", "s3-eu-west-1", "s3.dualstack.eu-west-1"])
def test_a_region_of_its_own_in_the_endpoint_is_refused(host: str) -> None:
    # The client would go to the region of the settings, and `footfall migrate` make the bucket there.
    with pytest.raises(WrongObjectStore, match="FOOTFALL_OBJECTS_REGION=eu-west-1"):
        S3Store(bucket_at(f"https://{host}.amazonaws.com"), "prod")


@pytest.mark.parametrize("bucket", ["a", "Upper", "a/b", "-ab", "a" * 64])
def test_a_bucket_has_a_buckets_name(bucket: str) -> None:
    with pytest.raises(ValidationError):
        Settings(objects_bucket=bucket)


def test_nothing_shows_the_secret_key(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, objects_endpoint="http://h", objects_bucket="footfall", objects_access_key="key",
        objects_secret_key="secret-word",
    )  # fmt: skip
    assert "secret-word" not in repr(settings) + repr(s3_options(settings)) + repr(
        S3Store(s3_options(settings), "a")
    )
