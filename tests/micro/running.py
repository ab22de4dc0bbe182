"""A real `footfall micro` process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
HEADERS = {
    "x-footfall-site": "pub_test",
    "origin": "http://localhost:3000",
    "user-agent": BROWSER,
    "content-type": "application/json",
}
KEY = {"authorization": "Bearer sk_ci_anything"}
VIEW = {"name": "page_view", "url": "http://localhost:3000/shoes?utm_source=news&utm_medium=email&size=9"}
PURCHASE = {
    "name": "purchase",
    "url": "http://localhost:3000/thanks?utm_source=news&utm_medium=email",
    "items": [{"item_id": "shoe", "price": 10}],
    "order": {"order_id": "A-1", "revenue": 10},
}


class MicroProcess:
    """Started on a free port, which it prints."""

    def __init__(self, *options: str) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("FOOTFALL_")}
        command = [sys.executable, "-m", "cli", "micro", "--port", "0", *options]
        self.process = subprocess.Popen(
            command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        timer = threading.Timer(30, self.process.kill)
        timer.start()
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()  # ends with the process, too
        timer.cancel()
        found = re.search(r"http://[^ ]+:\d+", self.line)
        assert found, self.close()
        self.url = found.group()
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def close(self) -> str:
        """End it; what it said on standard error."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=30)[1]

    def send(self, *events: dict[str, Any], headers: dict[str, str] | None = None, **batch: Any) -> httpx.Response:
        body = {"batch_id": str(uuid.uuid4()), **batch, "events": events}
        return self.client.post("/v1/batch", content=json.dumps(body), headers=headers or HEADERS)

    def good(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/micro/good", params=query).json()["events"]
        return found

    def bad(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("/micro/bad", params=query).json()["bad"]
        return found

    def totals(self) -> dict[str, int]:
        found: dict[str, int] = self.client.get("/micro/all").json()
        return found

    def reset(self) -> None:
        assert self.client.post("/micro/reset").status_code == 200
