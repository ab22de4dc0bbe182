"""Salts and secrets: made by whoever needs one first, then the same for everybody."""

from __future__ import annotations

import secrets

from sqlalchemy import Insert, delete, exc, insert, select

from control.database import Database
from control.schema import meta, salt, secret

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SALT_LIFE_MS = 48 * HOUR_MS
# Tomorrow's salt is made in the last hour of today, so that it lives through its day, its
# session window after midnight, and still not longer than 48 h in all.
AHEAD_MS = HOUR_MS


class SecretTable(Database):
    """Daily salts and the stage's secret. `now` is UTC milliseconds."""

    def salts(self, now: int) -> dict[int, bytes]:
        """Salts by UTC day (days since 1970): yesterday's if it is still there, today's, and in
        the last hour of the day tomorrow's. Missing ones of today and tomorrow are made."""
        today = now // DAY_MS
        wanted = {today, (now + AHEAD_MS) // DAY_MS}
        found = self._salts(today)
        for day in wanted - found.keys():
            self._make(day, now)
        return self._salts(today) if wanted - found.keys() else found

    def forget_salts(self, now: int) -> int:
        """Delete salts that are older than 48 h or of no use; returns how many."""
        today = now // DAY_MS
        old = (salt.c.day < today) & (salt.c.created_at <= now - SALT_LIFE_MS)
        useless = (salt.c.day < today - 1) | (salt.c.day > today + 1)
        with self.reading() as connection:
            if not connection.execute(select(salt.c.day).where(old | useless).limit(1)).first():
                return 0
        with self.writing(announce=False) as connection:
            count = connection.execute(delete(salt).where(old | useless)).rowcount
        if count:
            self.erase_traces()
        return count

    def stage_secret(self, stage: str) -> bytes:
        """32 random bytes, made once and permanent: routes and visitor ids come from them."""
        query = select(secret.c.value).where(secret.c.name == f"stage:{stage}")
        with self.reading() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            self._insert_once(insert(secret).values(name=f"stage:{stage}", value=secrets.token_bytes(32)))
            with self.reading() as connection:
                found = connection.execute(query).scalar_one()
        return bytes(found)

    def installation_id(self) -> str:
        """16 hexadecimal digits, made once and permanent: what tells this installation from others on
        servers that they share (see `installations`). No secret, and in no backup: what another
        installation's backup is restored into stays what it is."""
        query = select(meta.c.value).where(meta.c.name == "installation")
        with self.reading() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            self._insert_once(insert(meta).values(name="installation", value=secrets.randbits(63)))
            with self.reading() as connection:
                found = connection.execute(query).scalar_one()
        return f"{found:016x}"

    def _salts(self, today: int) -> dict[int, bytes]:
        query = select(salt.c.day, salt.c.value).where(salt.c.day.between(today - 1, today + 1))
        with self.reading() as connection:
            return {row.day: bytes(row.value) for row in connection.execute(query)}

    def _make(self, day: int, now: int) -> None:
        values = {"day": day, "value": secrets.token_bytes(32), "created_at": now}
        self._insert_once(insert(salt).values(values))

    def _insert_once(self, statement: Insert) -> None:
        try:
            with self.writing(announce=False) as connection:
                connection.execute(statement)
        except exc.IntegrityError:
            pass  # somebody else was first: theirs is the one everybody reads
