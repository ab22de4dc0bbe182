"""Footfall in the production shape: the log on three Kafka brokers, the control plane on PostgreSQL, live
counters in Redis, the raw archive on S3. These servers are the test's own, so that they can be killed and
stopped; the store is the embedded one."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from confluent_kafka.admin import AdminClient

from tests.drill.stack import Stack, wait_for
from tests.fixtures.kafka import KafkaCluster, make_cluster
from tests.fixtures.kafka_properties import quiet_port
from tests.fixtures.postgres import PostgresServer, full, own_postgres
from tests.fixtures.s3 import OwnS3, needed_program, own_server
from tests.fixtures.valkey import ValkeyProcess

BROKER, POSTGRES, REDIS, S3 = "broker", "postgres", "redis", "s3"
SERVERS = (BROKER, POSTGRES, REDIS, S3)
DATABASE, BUCKET = "drill", "drill"
ARCHIVE_S = 2.0  # how long records are gathered for an object


class Server(Protocol):
    """What a drill does to a server; after `kill` and `stop` it can be started again, with its files."""

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def stop(self) -> object: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


@dataclass
class Servers:
    """All servers of an installation but the store."""

    kafka: KafkaCluster
    postgres: PostgresServer
    redis: ValkeyProcess
    s3: OwnS3

    def env(self) -> dict[str, str]:
        """The settings that name them."""
        return {
            "FOOTFALL_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "FOOTFALL_CONTROL_URL": full(self.postgres.url(DATABASE)),
            "FOOTFALL_REDIS_URL": self.redis.url,
            "FOOTFALL_OBJECTS_ENDPOINT": self.s3.endpoint,
            "FOOTFALL_OBJECTS_BUCKET": BUCKET,
            "FOOTFALL_OBJECTS_ACCESS_KEY": self.s3.access_key,
            "FOOTFALL_OBJECTS_SECRET_KEY": self.s3.secret_key,
            "FOOTFALL_ARCHIVE_DAYS": "1",
            "FOOTFALL_ARCHIVE_MINUTES": str(ARCHIVE_S / 60),
        }

    def of(self, name: str) -> list[Server]:
        """The servers with a name: three brokers, one of all others."""
        others: dict[str, Server] = {POSTGRES: self.postgres, REDIS: self.redis, S3: self.s3}
        return [*self.kafka.brokers] if name == BROKER else [others[name]]

    def in_sync(self) -> bool:
        """Whether each partition has all its replicas, so that any broker may go."""
        topics = AdminClient(self.kafka.config()).list_topics(timeout=10).topics
        places = [place for topic in topics.values() for place in topic.partitions.values()]
        return all(len(place.isrs) == len(place.replicas) for place in places)


@contextmanager
def own_servers(folder: Path) -> Iterator[Servers]:
    """They run; the test is skipped where one is not installed."""
    program = needed_program()
    with ExitStack() as stack:
        postgres = stack.enter_context(own_postgres())
        postgres.make_database(DATABASE)
        place = Path(tempfile.mkdtemp(prefix="valkey-"))  # the path of a unix socket has at most 107 bytes
        stack.callback(shutil.rmtree, place)
        redis = ValkeyProcess(place, quiet_port())
        stack.callback(redis.kill)
        redis.start()
        s3 = own_server(program, folder / "s3")
        stack.callback(s3.kill)
        s3.start()
        kafka = stack.enter_context(make_cluster(folder / "kafka", 3))
        yield Servers(kafka, postgres, redis, s3)


class Production(Stack):
    """A stack whose parts are its servers too. Which of the brokers is meant, chance says."""

    def __init__(self, data_dir: Path, servers: Servers, seed: int) -> None:
        super().__init__(data_dir, env=servers.env())
        self.servers = servers
        self._chance = random.Random(seed)

    def kill(self, part: str) -> None:
        """`kill -9`, then wait until it is there again."""
        if part not in SERVERS:
            super().kill(part)
            return
        server = self._server(part)
        server.kill()
        server.start()

    def restart(self, part: str) -> None:
        """End it in order and wait until it is there again; of brokers one after the other."""
        if part not in SERVERS:
            super().restart(part)
            return
        for server in self.servers.of(part):
            server.stop()
            server.start()
            wait_for("all replicas", self.servers.in_sync, 60)

    @contextmanager
    def frozen(self, *parts: str) -> Iterator[None]:
        """Within it the parts are there and do nothing (SIGSTOP): connections stay open, answers never come."""
        servers = [self._server(part) for part in parts if part in SERVERS]
        with super().frozen(*(part for part in parts if part not in SERVERS)):
            try:
                for server in servers:
                    server.pause()
                yield
            finally:
                for server in servers:
                    server.resume()

    def _server(self, part: str) -> Server:
        return self._chance.choice(self.servers.of(part))
