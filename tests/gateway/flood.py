"""More load than a gateway can take: many connections, each sending again soon after an answer."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections import Counter
from typing import NamedTuple


class Seen(NamedTuple):
    """One answer."""

    status: int
    retry_after: str
    seconds: float
    at: float  # monotonic, of the answer
    batch_id: bytes


class Sender:
    """One site's traffic: `connections`, each pausing `pause_s` after an answer."""

    def __init__(self, port: int, public_id: str, connections: int, events: int, pause_s: float) -> None:
        self._port, self._public_id = port, public_id
        self._connections, self._pause_s = connections, pause_s
        self.seen: list[Seen] = []
        self._events = json.dumps([{"name": "a", "props": {"k": os.urandom(100).hex()}} for _ in range(events)])

    async def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        await asyncio.gather(*(self._connection(until) for _ in range(self._connections)))

    async def _connection(self, until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while time.monotonic() < until:
            batch_id = uuid.uuid4()
            started = time.monotonic()
            writer.write(self._request(batch_id))
            status, headers = await self._answer(reader)
            now = time.monotonic()
            self.seen.append(Seen(status, headers.get("retry-after", ""), now - started, now, batch_id.bytes))
            await asyncio.sleep(self._pause_s)
        writer.close()

    def _request(self, batch_id: uuid.UUID) -> bytes:
        body = f'{{"batch_id": "{batch_id}", "events": {self._events}}}'.encode()
        head = f"POST /v1/batch HTTP/1.1\r\nHost: x\r\nX-Footfall-Site: {self._public_id}\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)).decode()
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers["content-length"]))
        return int(first.split()[1]), headers

    def statuses(self, since: float = 0.0) -> Counter[int]:
        return Counter(one.status for one in self.seen if one.at >= since)

    def accepted(self, since: float = 0.0) -> list[Seen]:
        return [one for one in self.seen if one.status == 202 and one.at >= since]

    def slowest(self, since: float, share: float) -> float:
        """Seconds within which that share of the accepted requests was answered."""
        waits = sorted(one.seconds for one in self.accepted(since))
        return waits[min(len(waits) - 1, int(len(waits) * share))]


def run_all(seconds: float, *senders: Sender) -> float:
    """Run them side by side; the monotonic time of the start."""

    async def main() -> None:
        await asyncio.gather(*(sender.run(seconds) for sender in senders))

    started = time.monotonic()
    asyncio.run(main())
    return started
