"""A user's session: which settings hold, what may run, how it is ended from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from .access import User, allowed_settings
from .context import Store
from .engine import Session
from .errors import READONLY, SYNTAX_ERROR, StoreError


class UserSession:
    """One connection's engine session, opened for a user and a default database.

    Raises StoreError when entered if the database does not exist or is not for the user.
    """

    def __init__(self, store: Store, user: User, database: str):
        self.store = store
        self.user = user
        self._database = database
        self._settings: dict[str, str] = {}
        self.engine: Session

    def __enter__(self) -> UserSession:
        if self.user.read_only:
            self.store.guard.check_database(self._database)
        self._open({})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.engine.close()

    def _open(self, settings: dict[str, str]) -> None:
        session = self.store.engine.session(self._database)
        try:
            session.set({**self.user.session_settings, **settings})
            if self.user.read_only:
                session.set({"readonly": "1"})
        except StoreError:
            session.close()
            raise
        self.engine, self._settings = session, settings

    def check(self, sql: str, params: dict[str, str] | None = None) -> str:
        """Judge a statement; returns its kind. Raises StoreError if the user may not run it."""
        if self.user.read_only:
            self.store.guard.check(self.engine, sql, params)
            return "READ_ONLY"
        kind, statements = self.engine.kind(sql)
        if statements > 1:
            raise StoreError(SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed). (SYNTAX_ERROR)")
        return kind

    @contextmanager
    def settings(self, asked: dict[str, str], tag: str) -> Iterator[None]:
        """The client's allowed settings hold inside; `tag` marks the query for `kill_in_engine` ("" for none)."""
        settings = allowed_settings(self.user, asked)
        if tag:
            settings["log_comment"] = tag
        if self.user.read_only:
            # readonly can't be lifted again, so a reader with other settings or a new tag gets a new session.
            self.engine.close()
            self._open(settings)
            yield
            return
        self.engine.set(settings)
        try:
            yield
        finally:
            self.engine.reset(list(settings))

    def require_admin(self) -> None:
        """Raises StoreError 164 for a reader."""
        if self.user.read_only:
            raise StoreError(READONLY, f"{self.user.name}: Cannot execute query in readonly mode. (READONLY)")
