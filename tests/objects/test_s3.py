"""The object store on a real S3 server: the contract, and what happens without one."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from footfall.settings import Settings
from objects.opening import open_objects, prepare_objects
from objects.protocol import ObjectStoreError, ObjectStoreFull, ObjectStoreUnreachable, WrongObjectStore
from objects.s3 import S3Store
from tests.fixtures.disk import SmallDisks
from tests.fixtures.go_program import BUILD_TIMEOUT
from tests.fixtures.kafka_properties import make_certificate, quiet_port
from tests.fixtures.s3 import OwnS3, S3Server
from tests.objects.contract import ObjectStoreContract
from tests.objects.stores import Opened, listed

# The first test there is may have to build the server.
pytestmark = pytest.mark.timeout(BUILD_TIMEOUT + 60)

ROOT = Path(__file__).parents[2]
MakeS3 = Callable[..., OwnS3]


class TestS3(ObjectStoreContract):
    @pytest.fixture
    def opened(self, s3: S3Server, bucket: str) -> Opened:
        return lambda stage: S3Store(s3.options(bucket), stage)


@pytest.fixture
def server(make_s3: MakeS3) -> OwnS3:
    """One that may be killed, with a bucket."""
    server = make_s3()
    server.start()
    server.client().make_bucket("footfall")
    return server


@contextmanager
def told(kind: type[ObjectStoreError], says: str, *secret: str) -> Iterator[None]:
    """The block ends with a plain error, which says where and tells no secret."""
    with pytest.raises(kind, match=says) as caught:
        yield
    message = str(caught.value)
    assert "\n" not in message
    for word in secret:
        assert word not in message
        assert word not in str(caught.value.__cause__)


def settings_for(server: S3Server, bucket: str, **others: object) -> Settings:
    given = {
        "objects_endpoint": server.endpoint, "objects_bucket": bucket,
        "objects_access_key": server.access_key, "objects_secret_key": server.secret_key,
    }  # fmt: skip
    return Settings(**{**given, **others})  # type: ignore[arg-type]


def test_it_is_what_settings_mean_with_a_server(s3: S3Server, bucket: str) -> None:
    settings = settings_for(s3, bucket)
    open_objects(settings, "prod").put("raw/a", b"x")
    assert s3.client().stat_object(bucket, "prod/raw/a").size == 1
    assert listed(open_objects(settings, "staging")) == []
    assert s3.secret_key not in repr(settings) + repr(s3.options(bucket))


def test_a_bucket_that_is_missing_is_told_and_can_be_made(s3: S3Server) -> None:
    name = f"test-{secrets.token_hex(6)}"
    settings = settings_for(s3, name)
    with told(WrongObjectStore, f"bucket {name} .* no such bucket. Make it .*docs/production.md", s3.secret_key):
        open_objects(settings, "prod")
    assert prepare_objects(settings, "prod", change=False) == [f"bucket {name} at {s3.endpoint}"]
    assert not s3.client().bucket_exists(name)
    assert prepare_objects(settings, "prod") == [f"bucket {name} at {s3.endpoint}"]
    assert prepare_objects(settings, "prod") == []
    assert listed(open_objects(settings, "prod")) == []
    s3.client().remove_bucket(name)


def test_settings_that_are_missing_are_named() -> None:
    with pytest.raises(WrongObjectStore, match="FOOTFALL_OBJECTS_BUCKET and FOOTFALL_OBJECTS_SECRET_KEY too"):
        open_objects(Settings(objects_endpoint="http://s3", objects_access_key="a"), "prod")


def test_a_wrong_secret_key_is_refused_at_once(s3: S3Server, bucket: str) -> None:
    wrong = "wrong-but-as-secret"
    began = time.monotonic()
    with told(WrongObjectStore, "FOOTFALL_OBJECTS_SECRET_KEY", wrong, s3.secret_key):
        open_objects(settings_for(s3, bucket, objects_secret_key=wrong), "prod")
    store = S3Store(s3.options(bucket, secret_key=wrong), "prod")
    for use in (lambda: store.put("a", b"x"), lambda: store.get("a"), lambda: store.size("a"),
                lambda: store.delete("a"), lambda: listed(store)):  # fmt: skip
        with told(WrongObjectStore, "FOOTFALL_OBJECTS_SECRET_KEY", wrong, s3.secret_key):
            use()
    assert time.monotonic() - began < 5


def test_a_wrong_access_key_or_region_is_refused(s3: S3Server, bucket: str) -> None:
    with told(WrongObjectStore, "FOOTFALL_OBJECTS_ACCESS_KEY", s3.secret_key):
        S3Store(s3.options(bucket, access_key="nobody"), "prod").check()
    with told(WrongObjectStore, "FOOTFALL_OBJECTS_REGION", s3.secret_key):
        S3Store(s3.options(bucket, region="eu-central-1"), "prod").check()


def test_a_server_that_is_killed_and_comes_back_is_waited_for(server: OwnS3) -> None:
    store = S3Store(server.options("footfall"), "prod")
    store.put("before", b"1")
    server.kill()
    back = threading.Timer(1.0, server.launch)
    back.start()
    began = time.monotonic()
    store.put("meanwhile", b"2" * 1_000_000)
    took = time.monotonic() - began
    back.join()
    assert 0.9 < took < 8
    assert store.get("before") == b"1"
    assert listed(store) == ["before", "meanwhile"]


def test_a_server_that_is_killed_in_the_middle_of_listing(server: OwnS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objects.s3.PAGE", 10)
    store = S3Store(server.options("footfall"), "prod")
    names = [f"a/{number:02}" for number in range(35)]
    for name in names:
        store.put(name, b"")
    reading = store.listing()
    first = [next(reading).key for _ in range(15)]
    server.kill()
    server.start()
    assert first + [found.key for found in reading] == names


def test_a_server_that_stays_away_is_told(server: OwnS3) -> None:
    store = S3Store(server.options("footfall", retry_s=0.5), "prod")
    server.kill()
    for use in (lambda: store.put("a", b"x"), lambda: store.get("a"), lambda: listed(store)):
        began = time.monotonic()
        with told(ObjectStoreUnreachable, "bucket footfall at http://127.*FOOTFALL_OBJECTS_ENDPOINT"):
            use()
        assert time.monotonic() - began < 3


def test_a_server_that_hangs_is_not_waited_for(server: OwnS3) -> None:
    store = S3Store(server.options("footfall", read_timeout_s=0.5, connect_timeout_s=0.5, retry_s=0.3), "prod")
    store.put("a", b"x")
    server.pause()
    for use in (
        lambda: store.put("a", b"y"),
        lambda: store.put("b", bytes(30_000_000)),  # more than the kernel takes for it
        lambda: store.get("a"),
        lambda: listed(store),
    ):
        began = time.monotonic()
        with told(ObjectStoreUnreachable, "does not answer as it should"):
            use()
        assert time.monotonic() - began < 4
    server.resume()
    assert store.size("a") == 1  # whichever of the two came last


def test_a_server_whose_disk_is_full(make_s3: MakeS3, small_disks: SmallDisks) -> None:
    server = make_s3()
    server.command = small_disks.command({server.folder / "data": "size=8m"})
    server.start()
    server.client().make_bucket("footfall")
    store = S3Store(server.options("footfall"), "prod")
    store.put("a", b"old")
    began = time.monotonic()
    with told(ObjectStoreFull, "needs 3000000 bytes", server.secret_key):
        for number in range(10):
            store.put(f"b/{number}", bytes(3_000_000))
    with told(ObjectStoreFull, "a needs 3000000 bytes"):
        store.put("a", bytes(3_000_000))
    assert time.monotonic() - began < 5, "it must not try again"
    assert store.get("a") == b"old"
    assert {found.size for found in store.listing("b/")} == {3_000_000}
    store.delete("b/0")
    store.put("a", bytes(3_000_000))


def test_tls_with_a_certificate_of_ones_own(make_s3: MakeS3, tmp_path: Path) -> None:
    make_certificate(tmp_path / "tls")
    cert, key = tmp_path / "tls" / "cert.pem", tmp_path / "tls" / "key.pem"
    server = make_s3("https")
    server.arguments += ["--cert", str(cert), "--key", str(key)]
    server.ca_file = cert
    server.start()
    settings = settings_for(server, "footfall", objects_ca_file=cert)
    prepare_objects(settings, "prod")
    store = open_objects(settings, "prod")
    store.put("a", bytes(5_000_000))
    assert store.get("a") == bytes(5_000_000)
    with told(WrongObjectStore, "cannot be trusted.*FOOTFALL_OBJECTS_CA_FILE"):
        open_objects(settings_for(server, "footfall"), "prod")
    for wrong in (tmp_path / "none.pem", key):
        with told(WrongObjectStore, f"{wrong.name} cannot be read.*FOOTFALL_OBJECTS_CA_FILE"):
            open_objects(settings_for(server, "footfall", objects_ca_file=wrong), "prod")


def documented_policy() -> dict[str, object]:
    """The JSON of docs/production.md."""
    section = (ROOT / "docs/production.md").read_text().split("## Objects on S3", 1)[1]
    block = re.search(r"^    \{\n.*?^    \}$", section, re.MULTILINE | re.DOTALL)
    assert block is not None
    policy: dict[str, object] = json.loads(block[0])
    return policy


def test_the_documented_policy_is_enough_and_no_more(server: OwnS3) -> None:
    server.add_user("footfall", "footfall's secret")
    theirs = server.options("footfall", access_key="footfall", secret_key="footfall's secret", retry_s=0.0)
    store, other = S3Store(theirs, "prod"), S3Store(theirs, "staging")
    with told(WrongObjectStore, "docs/production.md", "footfall's secret"):
        store.check()
    policy = json.dumps(documented_policy()).replace("arn:aws:iam::111122223333:user/footfall", "footfall")
    server.client().set_bucket_policy("footfall", policy)
    store.check()
    store.put("raw/a", b"x")
    assert (store.get("raw/a"), store.size("raw/a"), store.size("raw/b")) == (b"x", 1, None)
    assert listed(store, "raw/") == ["raw/a"]
    store.delete("raw/a")
    S3Store(server.options("footfall"), "staging").put("a", b"x")
    for use in (
        lambda: other.put("a", b"y"),
        lambda: other.get("a"),
        lambda: other.delete("a"),
        lambda: listed(other),
    ):
        with told(WrongObjectStore, "AccessDenied", "footfall's secret"):
            use()
    with told(WrongObjectStore, "AccessDenied"):
        S3Store(server.options("other", access_key="footfall", secret_key="footfall's secret"), "prod").prepare()


def test_nobody_listens_there() -> None:
    nobody = S3Server(f"http://127.0.0.1:{quiet_port()}", "key", "a secret key")
    with told(ObjectStoreUnreachable, "FOOTFALL_OBJECTS_ENDPOINT", "a secret key"):
        S3Store(nobody.options("footfall", retry_s=0.2), "prod").check()
