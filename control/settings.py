"""Settings people change while it runs, and positions that jobs keep."""

from __future__ import annotations

from sqlalchemy import Table, delete, exc, func, insert, select, update

from control.checks import check_text
from control.database import Database
from control.schema import cursor, setting


class SettingTable(Database):
    """Two small key/value tables. Values are text (JSON where there is more to say)."""

    def setting(self, name: str) -> str | None:
        """A setting such as `user:ada:timezone`; None if nobody has set it."""
        return self._get(setting, name)

    def set_setting(self, name: str, value: str) -> None:
        """Change a setting; everybody who polls `version()` hears of it."""
        check_text("a setting's name", name, 128)
        check_text("a setting", value, 1_000_000)
        self._put(setting, name, value, announce=True)

    def remove_setting(self, name: str) -> None:
        """Back to the default."""
        with self.writing() as connection:
            connection.execute(delete(setting).where(setting.c.name == name))

    def cursor(self, name: str) -> str | None:
        """Where a job has got to; None if it never ran."""
        return self._get(cursor, name)

    def set_cursor(self, name: str, value: str) -> None:
        """Remember where a job has got to. Does not change `version()`."""
        self._put(cursor, name, value, announce=False)

    def cursors(self, prefix: str = "") -> dict[str, str]:
        """All positions whose name begins so."""
        # Not LIKE: with SQLite it takes capital letters for small ones.
        query = select(cursor).where(func.substr(cursor.c.name, 1, len(prefix)) == prefix)
        with self.reading() as connection:
            return {row.name: row.value for row in connection.execute(query)}

    def _get(self, table: Table, name: str) -> str | None:
        with self.reading() as connection:
            found: str | None = connection.execute(select(table.c.value).where(table.c.name == name)).scalar()
        return found

    def _put(self, table: Table, name: str, value: str, announce: bool) -> None:
        change = update(table).where(table.c.name == name).values(value=value)
        with self.writing(announce) as connection:
            if connection.execute(change).rowcount:
                return
        try:
            with self.writing(announce) as connection:
                connection.execute(insert(table).values(name=name, value=value))
        except exc.IntegrityError:  # made by somebody else in between
            with self.writing(announce) as connection:
                connection.execute(change)
