"""No full IP address in any file: traffic from everywhere, then every place is searched.

The store's parts are compressed, so its tables are asked; the log's records are decoded;
what is a plain file is read.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
from collections.abc import Iterator, Mapping
from typing import cast
from urllib.parse import quote

import pytest
import redis

from embedded.paths import socket_path
from eventlog.local import LocalLog
from tests.drill.stack import HOST, LATENESS_S, WINDOW_S, Stack, wait_for

REDACTED = "[ip]"  # what stands where an address was
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36"
# Each stands in one place only, so that a find says where it came from.
CLIENTS = {
    "forwarded": "198.51.100.211",
    "forwarded v6": "2001:db8:77aa:1c2d:5e6f:7a8b:9cad:be21",
    "forwarded by a header of its own": "198.51.100.212",
    "pixel": "198.51.100.213",
    "named by a server": "198.51.100.214",
    "refused": "198.51.100.215",
    "imported": "198.51.100.216",
    "imported v6": "2001:db8:77aa:1c2d:5e6f:7a8b:9cad:be22",
    "malformed line": "198.51.100.217",
}
WRITTEN = {
    "url": "198.51.100.221",
    "url v6": "2001:db8:77aa:1c2d:5e6f:7a8b:9cad:be23",
    "referrer": "198.51.100.222",
    "title": "198.51.100.223",
    "prop": "198.51.100.224",
    "element": "198.51.100.225",
    "search": "198.51.100.226",
    "error": "198.51.100.227",
    "user agent": "198.51.100.228",
    "imported url": "198.51.100.231",
    "imported referrer": "198.51.100.232",
    "imported agent": "198.51.100.233",
    "malformed agent": "198.51.100.234",
}


def forms(address: str) -> set[str]:
    """How an address may be written."""
    if address == REDACTED:
        return {address}
    parsed = ipaddress.ip_address(address)
    plain = {address, parsed.exploded, parsed.compressed, address.upper()}
    return plain | {quote(text, safe="") for text in plain}


def found_in(data: bytes, addresses: dict[str, str]) -> list[str]:
    return [name for name, address in addresses.items() if any(form.encode() in data for form in forms(address))]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    env = {"FOOTFALL_TRUSTED_PROXIES": "127.0.0.1/32"}
    with Stack(tmp_path_factory.mktemp("addresses") / "data", env=env) as running:
        send_everything(running)
        import_lines(running)
        yield running


def send(stack: Stack, body: Mapping[str, object], path: str = "/v1/batch", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", stack.settings.gateway_port, timeout=15)
    sent = {"content-type": "application/json", "origin": f"https://{HOST}", "user-agent": AGENT}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    if "authorization" not in sent:
        sent["x-footfall-site"] = stack.public_id
    try:
        connection.request("POST" if body else "GET", path, json.dumps(body).encode() if body else None, sent)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def page_view(**fields: object) -> dict[str, object]:
    return {"name": "page_view", "url": f"https://{HOST}/", **fields}


def send_everything(stack: Stack) -> None:
    by, said = CLIENTS, WRITTEN
    for name in ("forwarded", "forwarded v6"):
        assert send(stack, {"events": [page_view(title=name)]}, x_forwarded_for=f"{by[name]}, 127.0.0.1") == 202
    forwarded = f"for={by['forwarded by a header of its own']};proto=https"
    assert send(stack, {"events": [page_view()]}, forwarded=forwarded) == 202
    pixel = f"/v1/pixel.gif?site={stack.public_id}&url=" + quote(f"https://{HOST}/", safe="")
    assert send(stack, {}, pixel, x_forwarded_for=by["pixel"]) == 200
    assert send(stack, {"events": []}, x_forwarded_for=by["refused"]) == 400
    key = next(text for text in stack.run("key", "create", HOST).split() if text.startswith("sk_"))
    named = {"visitor_id": "v", "address": by["named by a server"], "events": [page_view()]}
    wait_for("the key to be known", lambda: send(stack, named, authorization=f"Bearer {key}") == 202, 10)
    assert send(stack, {"events": written(said)}, user_agent=f"{AGENT} from/{said['user agent']}") == 202


def written(said: dict[str, str]) -> list[dict[str, object]]:
    """Events whose texts hold addresses."""
    return [
        page_view(url=f"https://{HOST}/from/{said['url']}?ip={said['url']}&peer=[{said['url v6']}]"),
        page_view(url=f"https://{HOST}/p?ip={quote(said['url v6'], safe='')}"),
        page_view(referrer=f"https://{said['referrer']}/a?b={said['referrer']}"),
        page_view(title=f"Hello {said['title']}", props={"address": said["prop"], "list": f"a,{said['prop']};b"}),
        {"name": "click", "element": {"tag": "a", "text": said["element"], "href": f"http://{said['element']}/"}},
        {"name": "search", "search": {"term": f"whois {said['search']}"}},
        {"name": "error", "error": {"message": f"no route to {said['error']}", "stack": f"at {said['error']}:80"}},
    ]


def import_lines(stack: Stack) -> None:
    by, said = CLIENTS, WRITTEN
    time = "[17/May/2025:10:05:03 +0000]"
    lines = [
        f'{by["imported"]} - - {time} "GET /a?from={said["imported url"]} HTTP/1.1" 200 5 '
        f'"http://{said["imported referrer"]}/" "{AGENT} {said["imported agent"]}"',
        f'{by["imported v6"]} - - {time} "GET /b HTTP/1.1" 200 5 "-" "{AGENT}"',
        f'{by["malformed line"]} - - nonsense "GET /c" from "{said["malformed agent"]}"',
    ]
    # Outside the data directory, as anybody's log would be.
    file = stack.data_dir.parent / "access.log"
    file.write_text("\n".join(lines) + "\n")
    stack.run("import", "access-log", str(file), "--site", HOST)
    file.unlink()


@pytest.fixture(scope="module")
def stored(stack: Stack) -> Stack:
    """All of it is in the store, sessions too."""
    client = stack.client()
    wanted = 3 + 1 + 1 + 7 + 2  # forwarded, pixel, server, written, imported
    wait_for("all events", lambda: client.execute("SELECT count() FROM events")[0][0] >= wanted, 15)
    closed = "SELECT countIf(is_closed), count() FROM sessions_v1"
    wait_for("closed sessions", lambda: client.execute(closed)[0] == (7, 7), WINDOW_S + LATENESS_S + 20)
    wait_for("quarantine", lambda: client.execute("SELECT count() FROM quarantine")[0][0] >= 1, 20)
    client.disconnect()
    return stack


def test_the_truncated_addresses_are_there(stored: Stack) -> None:
    """So the search below looks in the right places."""
    assert any(b"198.51.100.0" in value for value in log_values(stored))
    assert any(b"2001:db8:77aa::" in value for value in log_values(stored))
    assert "`footfall_prod`.`events`.props" in find_in_store(stored, {"redacted": REDACTED})


def test_none_in_the_store(stored: Stack) -> None:
    assert find_in_store(stored, CLIENTS | WRITTEN) == []


def find_in_store(stack: Stack, addresses: dict[str, str]) -> list[str]:
    """The columns that hold one; every text column of every table, system logs too."""
    client = stack.client()
    columns = client.execute(
        "SELECT concat('`', database, '`.`', table, '`'), groupArray(name) FROM system.columns "
        "WHERE type LIKE '%String%' AND table NOT LIKE '%\\_v1' "
        "AND (database LIKE 'footfall%' OR (database = 'system' AND table LIKE '%\\_log')) GROUP BY 1"
    )
    assert sum(len(names) for _, names in columns) > 100
    wanted = sorted(set().union(*map(forms, addresses.values())))
    found = []
    for table, names in columns:
        counts = ", ".join(f"countIf(multiSearchAny(toString(`{name}`), %(wanted)s))" for name in names)
        row = client.execute(f"SELECT {counts} FROM {table}", {"wanted": wanted})[0]
        found += [f"{table}.{name}" for name, count in zip(names, row, strict=True) if count]
    client.disconnect()
    return found


def log_values(stack: Stack) -> list[bytes]:
    values = []
    for stage, partitions in stack.settings.topics().items():
        reader = LocalLog(stack.settings.log_dir(stage), partitions).reader()
        for partition in range(partitions):
            offset = reader.bounds(partition)[0]
            while records := reader.read(partition, offset, 1000, 2**24):
                values += [record.value for record in records]
                offset = records[-1].offset + 1
        reader.close()
    return values


def test_no_clients_address_in_the_log(stored: Stack) -> None:
    assert found_in(b"".join(log_values(stored)), CLIENTS) == []


def test_no_written_address_in_the_log(stored: Stack) -> None:
    assert found_in(b"".join(log_values(stored)), WRITTEN) == []


def test_none_in_the_live_counters(stored: Stack) -> None:
    client = redis.from_url(f"unix://{socket_path(stored.data_dir)}")
    everything = b""
    for key in client.scan_iter():
        hashed = client.type(key) == b"hash"  # counters of requests and marks are plain values
        values = cast(list[bytes], client.hvals(key)) if hashed else [cast(bytes, client.get(key) or b"")]
        everything += key + b"".join(values)
    client.close()
    assert HOST.encode() in everything
    assert found_in(everything, CLIENTS | WRITTEN) == []


def test_none_in_any_file_once_stopped(stored: Stack) -> None:
    stored.__exit__()
    files = [path for path in stored.data_dir.rglob("*") if path.is_file()]
    files.append(stored.data_dir.parent / f"{stored.data_dir.name}.log")
    assert len(files) > 50
    found = {str(path.relative_to(stored.data_dir.parent)): found_in(path.read_bytes(), CLIENTS) for path in files}
    assert {name: hits for name, hits in found.items() if hits} == {}
