from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.kafka import KafkaCluster
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.s3 import S3Server
from tests.fixtures.store import StoreServer
from tests.fixtures.valkey import ValkeyProcess
from tests.stages.installed import Installed, Servers, three_installed, wait_for


@pytest.fixture(scope="module")
def servers(kafka: KafkaCluster, store: StoreServer, postgres: PostgresServer, s3: S3Server) -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="valkey-"))  # the path of a unix socket has at most 107 bytes
    valkey = ValkeyProcess(folder)
    valkey.start()
    client = s3.client()
    client.make_bucket("three-stages")
    yield Servers(kafka, store, postgres, valkey, s3, "three-stages")
    s3.empty("three-stages")
    client.remove_bucket("three-stages")
    valkey.kill()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def three(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Installed]]:
    """dev, staging and prod: gateways and flows run."""
    with three_installed(servers, tmp_path_factory.mktemp("stages")) as installed:
        for one in installed.values():
            one.start("gateway", "flow")
        for one in installed.values():
            wait_for(f"the gateway of {one.stage}", one.is_ready)
        yield installed
