"""What no server does when it is asked to: busy, broken and strange answers, by a server that only plays S3."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from objects.protocol import (
    KeyConflict,
    ObjectStoreError,
    ObjectStoreFull,
    ObjectStoreUnreachable,
    ObjectTooLarge,
    WrongObjectStore,
)
from objects.s3 import S3Options, S3Store

KEYS = {"access_key": "key", "secret_key": "a secret key"}


@dataclass
class Played:
    """Answers in turn, the last one for ever; and what was asked."""

    answers: list[Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    bodies: list[int] = field(default_factory=list)
    address: str = ""

    def store(self, **options: object) -> S3Store:
        given = {"endpoint": self.address, "bucket": "footfall", **KEYS, "read_timeout_s": 5.0, "retry_s": 10.0}
        return S3Store(S3Options(**{**given, **options}), "prod")  # type: ignore[arg-type]


@pytest.fixture
def played() -> Iterator[Played]:
    script = Played()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            script.asked.append(f"{self.command} {self.path}")
            script.bodies.append(len(self.rfile.read(int(self.headers.get("content-length", 0)))))
            (script.answers.pop(0) if len(script.answers) > 1 else script.answers[0])(self)

        do_GET = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    script.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield script
    server.shutdown()
    thread.join(10)
    server.server_close()


def says(
    status: int, body: bytes = b"", kind: str = "application/xml", **headers: str
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        given = {"Content-Type": kind, "Content-Length": str(len(body))}
        for name, value in (given | {name.replace("_", "-"): value for name, value in headers.items()}).items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return answer


def error(status: int, code: str, message: str = "so it is") -> Callable[[BaseHTTPRequestHandler], None]:
    return says(status, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    says(200, b"half", Content_Length="8")(handler)
    handler.close_connection = True


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


OK = says(200, ETag='"x"')


@pytest.mark.parametrize(
    "busy",
    [
        error(503, "SlowDown"),
        error(500, "InternalError"),
        error(400, "RequestTimeout"),
        says(502, b"<html>", "text/html"),
        says(503),
        hangs_up,
    ],
    ids=["slow down", "internal", "request timeout", "a proxy's", "without a body", "hangs up"],
)
def test_what_may_pass_is_tried_again(played: Played, busy: Callable[[BaseHTTPRequestHandler], None]) -> None:
    played.answers = [busy, busy, busy, OK]
    played.store().put("a", b"data")
    assert played.asked == ["PUT /footfall/prod/a"] * 4
    assert played.bodies == [4] * 4


@pytest.mark.parametrize(
    ("refusal", "kind", "tells"),
    [
        (error(403, "AccessDenied"), WrongObjectStore, "AccessDenied: so it is. Look at"),
        (error(400, "InvalidArgument"), WrongObjectStore, "InvalidArgument"),
        (error(403, "RequestTimeTooSkewed"), WrongObjectStore, "clock"),
        (error(301, "PermanentRedirect"), WrongObjectStore, "FOOTFALL_OBJECTS_REGION"),
        (says(307, b"x", Location="http://elsewhere.example/"), WrongObjectStore, "FOOTFALL_OBJECTS_ENDPOINT"),
        (error(404, "NoSuchBucket"), WrongObjectStore, "no such bucket"),
        (error(501, "NotImplemented"), WrongObjectStore, "NotImplemented"),
        (error(409, "XMinioParentIsObject"), KeyConflict, "cannot keep a"),
        (error(507, "XMinioStorageFull"), ObjectStoreFull, "a needs 4 bytes"),
        (says(404, b"<html>not here", "text/html"), WrongObjectStore, "does not speak S3: status 404"),
        (says(403, b"<Error", "application/xml"), WrongObjectStore, "does not speak S3"),
        (says(403, b"\xff\xfe", "text/plain"), WrongObjectStore, "does not speak S3"),
        (error(403, "Odd", "x" * 9999 + "\n"), WrongObjectStore, "Odd: xxx"),
    ],
)
def test_what_is_refused_is_told_at_once(
    played: Played,
    refusal: Callable[[BaseHTTPRequestHandler], None],
    kind: type[ObjectStoreError],
    tells: str,
) -> None:
    played.answers = [refusal]
    with pytest.raises(kind, match=tells) as caught:
        played.store().put("a", b"data")
    assert len(played.asked) == 1
    message = str(caught.value)
    assert len(message) < 500
    assert message.isprintable()
    assert "a secret key" not in message


def test_it_does_not_try_for_ever(played: Played) -> None:
    played.answers = [error(503, "SlowDown")]
    began = time.monotonic()
    with pytest.raises(ObjectStoreUnreachable, match="SlowDown"):
        played.store(retry_s=0.5).get("a")
    assert time.monotonic() - began < 2
    assert 2 <= len(played.asked) < 40


def test_an_answer_that_breaks_off_is_no_object(played: Played) -> None:
    played.answers = [breaks_off, breaks_off, says(200, b"all of it")]
    assert played.store().get("a") == b"all of it"
    assert len(played.asked) == 3


def test_an_object_is_taken_as_it_is_stored(played: Played) -> None:
    played.answers = [says(200, b"no gzip at all", Content_Encoding="gzip")]
    assert played.store().get("a") == b"no gzip at all"


def test_a_size_that_is_not_told_beforehand_is_bounded_too(played: Played) -> None:
    def without_end(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except OSError:
            handler.close_connection = True

    played.answers = [without_end]
    with pytest.raises(ObjectTooLarge):
        played.store().get("a", max_bytes=5_000_000)


def test_what_others_put_there_is_left_out_of_a_listing(played: Played) -> None:
    names = ["prod/", "prod/a", "prod/a/", "prod/b%20c", "prod/d"]
    found = "".join(f"<Contents><Key>{name}</Key><Size>1</Size></Contents>" for name in names)
    about = "<Name>footfall</Name><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    played.answers = [says(200, f"<ListBucketResult>{about}{found}</ListBucketResult>".encode())]
    assert [name for name, _ in played.store().listing()] == ["a", "d"]


@pytest.mark.parametrize("page", [b"<html><p>welcome", b"<html/>", b"\xff", b""], ids=range(4))
def test_a_page_that_is_no_listing_is_told(played: Played, page: bytes) -> None:
    played.answers = [says(200, page, "text/html")]
    with pytest.raises(WrongObjectStore, match="does not speak S3"):
        played.store().check()
    assert len(played.asked) == 1


def test_a_slow_network_has_a_timeout_for_each_piece() -> None:
    """Were it for the whole body, this one would not come through: more than half of it is more than
    the kernel takes at once."""
    done = threading.Event()

    def read_slowly(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            left = 1
            while left > 0:
                head = connection.recv(150_000)
                left = size - 200_000 if left == 1 else left - len(head)
                time.sleep(0.02)
            connection.settimeout(0.3)
            try:
                while connection.recv(1_000_000):
                    pass
            except TimeoutError:
                connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')
            done.set()

    size = 12_000_000
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=read_slowly, args=(listener,), daemon=True)
        thread.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options = S3Options(
            endpoint, "footfall", "key", "word", connect_timeout_s=0.4, read_timeout_s=5, retry_s=0
        )
        began = time.monotonic()
        S3Store(options, "prod").put("a", bytes(size))
        took = time.monotonic() - began
        thread.join(10)
    assert done.is_set()
    assert took > 1.2, "the test needs a network that is slower than the timeout"
