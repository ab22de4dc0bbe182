"""The package in a Node process, against the gateway: `@footfall/sdk/node`."""

from __future__ import annotations

import http.server
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.world import wait_for
from tests.micro.running import MicroProcess
from tests.sdk.node.program import ROOT, Program, run

KEY = "sk_ci_anything"
Starter = Callable[..., Program]
NOTHING = {"sent": 0, "rejected": 0, "lost": 0, "waiting": 0}


def test_an_event_arrives_with_its_visitor_user_and_client(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey=KEY, endpoint=micro.url)
    client = {"address": "203.0.113.77", "user_agent": "Mozilla/5.0 (Macintosh) Safari/605", "language": "de-CH"}
    order = {"order_id": "A-1", "revenue": 10, "currency": "CHF"}
    url = "https://shop.example.com/thanks?utm_source=news&token=abc"
    facts = {"visitor_id": "v-1", "user_id": "u-7", "url": url, "order": order, "props": {"plan": "pro"}, **client}
    tracker.call("track", "purchase", {**facts, "items": [{"item_id": "shoe", "price": 10}]})
    assert tracker.call("flush") == {**NOTHING, "sent": 1}
    (event,) = micro.good()
    assert event["source"] == "server"
    assert event["id_kind"] == "identified"
    assert event["user_id"] == "u-7"
    assert event["client"]["address"] == "203.0.113.0"
    assert event["client"]["user_agent"] == client["user_agent"]
    assert event["client"]["language"] == "de-CH"
    assert event["order"]["order_id"] == "A-1"
    assert event["props"] == {"plan": "pro"}
    assert event["url"] == "https://shop.example.com/thanks?utm_source=news"
    assert event["sdk"] == "node/0.0.0"
    assert tracker.call("problems") == []


def test_visitors_share_a_batch_and_clients_do_not(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey=KEY, endpoint=micro.url)
    tracker.call("track", "signup", {"visitor_id": "v-1"})
    tracker.call("page", "https://shop.example.com/", {"visitor_id": "v-2"})
    tracker.call("identify", "u-1", {"visitor_id": "v-1"})
    tracker.call("track", "signup", {"visitor_id": "v-3", "address": "198.51.100.9"})
    tracker.call("track", "restocked")
    assert tracker.call("flush")["sent"] == 5
    events = {(event["name"], event["visitor_id"]): event for event in micro.good()}
    assert len(events) == 5
    assert {event["client"]["address"] for event in events.values()} == {"", "198.51.100.0"}
    assert [event["id_kind"] for event in events.values() if event["name"] == "restocked"] == ["server"]


def test_it_is_sent_by_itself_and_a_time_of_its_own_is_kept(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey=KEY, endpoint=micro.url)
    hour_ago = int(time.time() * 1000) - 3_600_000
    tracker.call("track", "refund", {"occurred_at": hour_ago})
    answer = micro.client.get("/micro/wait", params={"name": "refund", "timeout": "10"})
    assert answer.json()["events"][0]["occurred_at"] == hour_ago


def test_many_events_go_in_full_batches_and_packed(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey=KEY, endpoint=micro.url)
    for number in range(1200):
        tracker.call("track", "tick", {"props": {"number": number}})
    assert tracker.call("flush")["sent"] == 1200
    events = micro.good(limit=2000)
    assert sorted(event["props"]["number"] for event in events) == list(range(1200))
    assert len({event["batch_id"] for event in events}) <= 1200 // 3  # not one each


def test_what_the_gateway_does_not_take_is_told_with_its_reason(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey=KEY, endpoint=micro.url)
    tracker.call("track", "purchase")
    tracker.call("track", "fine")
    assert tracker.call("flush") == {**NOTHING, "sent": 1, "rejected": 1}
    (problem,) = tracker.call("problems")
    assert problem["kind"] == "rejected"
    assert "missing_part" in problem["message"]


def test_a_wrong_key_says_what_to_do_and_never_the_key(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey="sk_wrong", endpoint=micro.url)
    tracker.call("track", "signup")
    assert tracker.call("flush") == {**NOTHING, "lost": 1}
    (problem,) = tracker.call("problems")
    assert (problem["kind"], problem["status"]) == ("refused", 401)
    assert "footfall key list" in problem["message"]
    assert "sk_wrong" not in problem["message"]


def test_a_public_id_is_no_server_key(micro: MicroProcess, program: Starter) -> None:
    tracker = program(apiKey="pub_test", endpoint=micro.url)
    tracker.call("track", "signup")
    assert tracker.call("flush") == {**NOTHING, "lost": 1}
    assert "footfall key create" in tracker.call("problems")[0]["message"]
    assert micro.totals()["total"] == 0


def test_while_the_gateway_is_away_nothing_is_lost_and_nothing_counted_twice(program: Starter) -> None:
    first = MicroProcess()
    tracker = program(apiKey=KEY, endpoint=first.url)
    names = []

    def count(name: str) -> None:
        names.append(name)
        tracker.call("track", name)

    count("before")
    assert tracker.call("flush")["sent"] == 1
    before = [event["name"] for event in first.good()]
    first.close()
    for number in range(3):
        count(f"away{number}")
        assert tracker.call("flush")["waiting"] == number + 1
    assert "is the gateway up" in tracker.call("problems")[0]["message"]
    second = MicroProcess("--port", first.url.rsplit(":", 1)[1])
    try:
        count("after")
        wait_for(lambda: second.totals()["good"] == 4, second.totals)  # by itself
        assert tracker.call("close") == {**NOTHING, "sent": 5}
        # Batches go side by side, so not in the order in which they were made.
        assert sorted(before + [event["name"] for event in second.good()]) == sorted(names)
        assert second.totals()["duplicates"] == 0
    finally:
        second.close()


def test_a_directory_keeps_what_waits_until_the_next_process(tmp_path: Path, program: Starter) -> None:
    first = MicroProcess()
    first.close()
    settings = {"apiKey": KEY, "endpoint": first.url, "directory": str(tmp_path / "queue")}
    before = program(**settings)
    before.call("track", "kept", {"visitor_id": "v-1"})
    assert before.call("close", {"timeout": 300}) == {**NOTHING, "waiting": 1}
    before.kill()
    assert len(list((tmp_path / "queue").iterdir())) == 1
    second = MicroProcess("--port", first.url.rsplit(":", 1)[1])
    try:
        after = program(**settings)
        wait_for(lambda: second.totals()["good"] == 1, second.totals)
        assert after.call("close") == {**NOTHING, "sent": 1}
        assert list((tmp_path / "queue").iterdir()) == []
    finally:
        second.close()


def test_close_gives_up_after_its_time_and_says_what_is_lost(program: Starter) -> None:
    with answering(503, {}) as url:
        tracker = program(apiKey=KEY, endpoint=url)
        tracker.call("track", "signup")
        began = time.monotonic()
        assert tracker.call("close", {"timeout": 500}) == {**NOTHING, "lost": 1}
        assert time.monotonic() - began < 5
        assert tracker.call("problems")[-1]["kind"] == "lost"
        tracker.call("track", "late")
        assert tracker.call("flush")["lost"] == 2
        assert tracker.end() == 0


def test_close_does_not_wait_where_the_gateway_asks_for_more_patience(program: Starter) -> None:
    with answering(429, {"Retry-After": "60"}) as url:
        tracker = program(apiKey=KEY, endpoint=url)
        tracker.call("track", "signup")
        began = time.monotonic()
        assert tracker.call("close", {"timeout": 20_000})["lost"] == 1
        assert time.monotonic() - began < 10
        assert "more than the key may send" in tracker.call("problems")[0]["message"]


def test_a_process_with_nothing_to_do_ends_though_a_retry_is_planned(program: Starter) -> None:
    with answering(503, {"Retry-After": "60"}) as url:
        tracker = program(apiKey=KEY, endpoint=url)
        tracker.call("track", "signup")
        assert tracker.call("flush")["waiting"] == 1
        assert tracker.end() == 0


SHORT = """
import { FootfallTracker } from '@footfall/sdk/node';
const { FOOTFALL_KEY: apiKey, FOOTFALL_URL: endpoint } = process.env;
const tracker = new FootfallTracker({ apiKey, endpoint, closeOn: ['beforeExit', 'SIGTERM'] });
tracker.track('job_done');
"""


def test_a_short_program_can_ask_to_be_waited_for(micro: MicroProcess, tmp_path: Path) -> None:
    done = run(SHORT, tmp_path, FOOTFALL_KEY=KEY, FOOTFALL_URL=micro.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [event["name"] for event in micro.good()] == ["job_done"]


def test_a_signal_is_waited_for_and_ends_the_process_as_it_would_have(micro: MicroProcess, tmp_path: Path) -> None:
    source = SHORT + "setInterval(() => {}, 1000);\nprocess.kill(process.pid, 'SIGTERM');\n"
    done = run(source, tmp_path, FOOTFALL_KEY=KEY, FOOTFALL_URL=micro.url)
    assert done.returncode == -15
    assert [event["name"] for event in micro.good()] == ["job_done"]


@contextmanager
def answering(status: int, headers: dict[str, str]) -> Iterator[str]:
    """A gateway that always gives the same answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *given: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_sample_in_the_documentation_does_what_it_says(micro: MicroProcess, tmp_path: Path) -> None:
    sample = (ROOT / "docs" / "node.md").read_text().split("```js\n")[1].split("```")[0]
    done = run(sample, tmp_path, FOOTFALL_KEY=KEY, FOOTFALL_URL=micro.url)
    assert (done.returncode, done.stderr) == (0, "")
    said = re.search(r"console.log\(report\); // (.*)", sample)
    assert said
    assert done.stdout.strip() == said.group(1)
    assert [event["name"] for event in micro.good()] == ["purchase", "identify", "page_view"]
