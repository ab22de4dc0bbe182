"""One client on ClickHouse's HTTP interface: what curl, clickhouse-connect and the like expect."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import Any, NoReturn, cast
from urllib.parse import parse_qsl, urlsplit

from .access import User, check_format
from .context import Store
from .errors import (
    INCORRECT_DATA,
    NOT_IMPLEMENTED,
    READONLY,
    SYNTAX_ERROR,
    UNKNOWN_SETTING,
    Disconnected,
    ProtocolError,
    StoreError,
)
from .http_body import receive_body
from .http_reply import content_type, escape, gzipped, output_chunks, status_of, watched
from .packets import MAX_SQL
from .running import RunningQuery
from .session import UserSession
from .spool import Spool
from .sql import InsertStatement, parse_insert, parse_kill, split_format
from .statements import kill_in_engine, kill_rows, statement_for_engine

log = logging.getLogger(__name__)

_REQUIRED_PASSWORD = 194
_QUERY_TOO_LARGE = 223
_INSERT_HEAD = 1024 * 1024  # an INSERT's text before its data
# Parameters of the request that are no settings.
_OWN = frozenset(
    {"query", "database", "default_format", "user", "password", "query_id", "enable_http_compression", "role"}
    | {"wait_end_of_query", "send_progress_in_http_headers", "http_headers_progress_interval_ms", "buffer_size"}
    | {"add_http_cors_header", "client_protocol_version", "http_zlib_compression_level", "quota_key"}
)
_UNSUPPORTED = frozenset({"session_id", "session_timeout", "session_check", "compress", "decompress"})


class HttpClient(BaseHTTPRequestHandler):
    """Serves the requests of one connection; every query has an engine session of its own."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ClickHouse", ""
    wbufsize = 64 * 1024

    def __init__(self, sock: socket.socket, peer: str, store: Store):
        self._store = store
        self._peer = peer
        self._parameters: dict[str, str] = {}
        self._query_id = ""
        sock.settimeout(store.limits.packet_timeout)
        super().__init__(sock, (peer, 0), cast(BaseServer, None))  # the handler makes no use of its server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request line would carry passwords and queries into the log."""

    def handle(self) -> None:
        """Serve requests until the client leaves or the store stops."""
        with suppress(Disconnected, ConnectionError, TimeoutError):
            super().handle()

    def do_GET(self) -> None:
        """`/ping`, `/` without a query, and reading queries."""
        path = urlsplit(self.path).path
        if path in ("/ping", "/replicas_status") or (
            path == "/" and "?" not in self.path and not self._has_body()
        ):
            self._reply(200, b"Ok.\n")
        elif path in ("/", "/query"):
            self._answer()
        else:
            self._reply(404, f"There is no handle {path}\n\nUse / or /ping for health checks.\n".encode())

    do_POST = do_HEAD = do_GET  # noqa: N815

    def _has_body(self) -> bool:
        return self.command == "POST"

    def _answer(self) -> None:
        self._query_id = ""
        try:
            with closing(Spool(self._store.spool_dir, self._store.limits)) as spool:
                self._parameters = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
                self._query_id = self._named("query_id", "X-ClickHouse-Query-Id") or str(uuid.uuid4())
                user = self._authenticate()
                self._refuse_unsupported(user)
                self._serve(user, spool)
        except StoreError as error:
            self._fail(error)
        except ProtocolError as error:
            log.warning("http client %s: %s", self._peer, error)
            self.close_connection = True
            self._fail(StoreError(INCORRECT_DATA, str(error)))

    def _named(self, parameter: str, header: str) -> str:
        return self._parameters.get(parameter) or self.headers.get(header) or ""

    def _authenticate(self) -> User:
        """Who asks: from headers, basic auth or parameters. If that fails the body stays unread, so we hang up."""
        name, password = self._named("user", "X-ClickHouse-User"), self._named("password", "X-ClickHouse-Key")
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() == "basic":
            with suppress(binascii.Error, UnicodeDecodeError):
                name, _, password = base64.b64decode(token).decode().partition(":")
        if not name and not password:
            self.close_connection = True
            raise StoreError(_REQUIRED_PASSWORD, "A user and a password are required. (REQUIRED_PASSWORD)")
        try:
            return self._store.users.check(name or "default", password)
        except StoreError:
            log.warning("http client %s: authentication failed", self._peer)
            self.close_connection = True
            raise

    def _refuse_unsupported(self, user: User) -> None:
        for name in self._parameters.keys() - _OWN:
            if name in _UNSUPPORTED and self._parameters[name] not in ("", "0"):
                self._refuse(NOT_IMPLEMENTED, f"The parameter {name} is not supported. (NOT_IMPLEMENTED)")
            if name not in _UNSUPPORTED and not name.startswith("param_") and not user.allows(name):
                self._refuse(UNKNOWN_SETTING, f"The setting {name} is unknown or not allowed. (UNKNOWN_SETTING)")

    def _refuse(self, code: int, message: str) -> NoReturn:
        self.close_connection = True  # the body stays unread
        raise StoreError(code, message)

    def _serve(self, user: User, spool: Spool) -> None:
        running = RunningQuery(
            self._query_id, user.name, self._parameters.get("query", ""), stop=self._stop_reading
        )
        with self._store.running.entered(running):
            receive_body(self.headers, self.rfile, spool)
            running.check()
            sql, data_at = self._statement(spool)
            running.sql = sql
            with UserSession(self._store, user, self._named("database", "X-ClickHouse-Database")) as session:
                self._run(running, session, sql, spool, data_at)

    def _statement(self, spool: Spool) -> tuple[str, int]:
        """The statement, and where in the body an INSERT's data begins."""
        query = self._parameters.get("query", "")
        if query:
            insert = parse_insert(query)
            if insert is None and spool.size:
                return query + "\n" + self._text(spool), 0
            return query, 0
        head = spool.head(_INSERT_HEAD).decode(errors="surrogateescape")
        insert = parse_insert(head)
        if insert is None:
            return self._text(spool), 0
        text = head[: len(head) - len(insert.inline)]
        return text, len(text.encode(errors="surrogateescape"))

    def _text(self, spool: Spool) -> str:
        if spool.size > MAX_SQL:
            raise StoreError(_QUERY_TOO_LARGE, f"A query of more than {MAX_SQL} bytes. (QUERY_IS_TOO_LARGE)")
        try:
            return spool.head(MAX_SQL).decode()
        except UnicodeDecodeError:
            raise StoreError(SYNTAX_ERROR, "The query is not UTF-8. (SYNTAX_ERROR)") from None

    def _run(self, running: RunningQuery, session: UserSession, sql: str, spool: Spool, data_at: int) -> None:
        kill = parse_kill(sql)
        if kill:
            session.require_admin()
            rows = kill_rows(self._store, kill, running)
            self._reply(200, "".join("\t".join(map(escape, row)) + "\n" for row in rows).encode())
            return
        sql = statement_for_engine(session, sql)
        kind = session.check(sql, self._params())
        if kind != "READ_ONLY" and self.command != "POST":
            text = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
            raise StoreError(READONLY, text + "You should use method POST for modifying queries. (READONLY)")
        insert = parse_insert(sql) if kind == "MUTATING" else None
        with session.settings(self._settings(), "" if insert else running.tag):
            if insert is not None:
                self._insert(running, session, insert, spool, data_at)
            else:
                running.stop = lambda: kill_in_engine(self._store, running.tag)
                running.sock = self.connection
                self._select(running, session, sql)

    def _params(self) -> dict[str, str]:
        return {k.removeprefix("param_"): v for k, v in self._parameters.items() if k.startswith("param_")}

    def _settings(self) -> dict[str, str]:
        return {k: v for k, v in self._parameters.items() if k not in _OWN and not k.startswith("param_")}

    def _insert(
        self, running: RunningQuery, session: UserSession, insert: InsertStatement, spool: Spool, data_at: int
    ) -> None:
        running.commit()
        if insert.inline:
            self._append_inline(insert.inline, spool)
        spool.drop(data_at)
        rows, size = 0, 0
        if spool.size:
            rows, size = session.engine.insert(insert, spool.path, insert.data_format or self._format(""))
        self._reply(200, b"", summary={"written_rows": str(rows), "written_bytes": str(size)})

    def _append_inline(self, inline: str, spool: Spool) -> None:
        if spool.size:
            raise StoreError(INCORRECT_DATA, "Data both in the query and in the body. (INCORRECT_DATA)")
        spool.add(inline.encode())

    def _format(self, named: str) -> str:
        return (
            named
            or self.headers.get("X-ClickHouse-Format")
            or self._parameters.get("default_format")
            or "TabSeparated"
        )

    def _select(self, running: RunningQuery, session: UserSession, sql: str) -> None:
        statement, named = split_format(sql)
        output_format = self._format(named)
        check_format(session.user, output_format)
        running.check()
        with closing(output_chunks(session.engine, statement, output_format, self._params())) as chunks:
            first = next(chunks, b"")
            self._stream(running, first, chunks, output_format)

    def _stream(self, running: RunningQuery, first: bytes, rest: Iterator[bytes], output_format: str) -> None:
        chunks = watched(running, first, rest)
        accepted = (self.headers.get("Accept-Encoding") or "").lower()
        packed = self._parameters.get("enable_http_compression") == "1" and "gzip" in accepted
        self._head(200, content_type(output_format), output_format)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            for chunk in gzipped(chunks) if packed else chunks:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.write(b"0\r\n\r\n")
        except StoreError as error:
            # The status has gone out: say it in the body, and break off so that no client takes it for whole.
            text = f"\n{error.text()}\n".encode()
            self.close_connection = True
            if not packed:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(text), text))
        self.wfile.flush()

    def _stop_reading(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)

    def _head(
        self, status: int, kind: str, output_format: str = "", summary: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-ClickHouse-Timezone", "UTC")
        self.send_header("X-ClickHouse-Server-Display-Name", "footfall")
        if self._query_id:
            self.send_header("X-ClickHouse-Query-Id", self._query_id.replace("\r", " ").replace("\n", " "))
        if output_format:
            self.send_header("X-ClickHouse-Format", output_format)
        self.send_header("X-ClickHouse-Summary", json.dumps(summary or {}))
        if self.close_connection or self._store.stopping.is_set():
            self.send_header("Connection", "close")

    def _reply(self, status: int, body: bytes, summary: dict[str, str] | None = None, code: int = 0) -> None:
        self._head(status, "text/plain; charset=UTF-8", summary=summary)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="ClickHouse server HTTP API"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _fail(self, error: StoreError) -> None:
        self._reply(status_of(error.code), f"{error.text()}\n".encode(), code=error.code)
