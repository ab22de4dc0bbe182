"""Generations of the stages' logs (see `footfall.generations`)."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from control.database import Database
from control.errors import ControlError
from control.schema import log_generation
from footfall.generations import MAX_NUMBERS, SINCE_EVER, Generation, Layout, one_generation


class GenerationTable(Database):
    """Who polls `version()` hears of every change here. Times are UTC milliseconds."""

    def log_layout(self, stage: str, partitions: int) -> Layout:
        """A stage's generations. `partitions` is the size of the first one, which is kept here
        only once the log has grown."""
        with self.reading() as connection:
            return _layout(connection, stage, partitions)

    def add_generation(self, stage: str, partitions: int, added: int, *, now: int) -> Layout:
        """Another generation of `added` partitions, to which no events go yet.

        Raises `GrowthError` where it is no larger than the newest one, or another one waits.
        """
        with self.writing() as connection:
            layout = _layout(connection, stage, partitions)
            made = layout.next(added, now)
            new = [made] if made.number > 2 else [*layout.generations, made]
            connection.execute(insert(log_generation), [_row(stage, one) for one in new])
        return Layout((*layout.generations, made))

    def begin_log(self, stage: str, first: int, partitions: int) -> None:
        """The stage's log is a new one of one generation: its partitions are numbered from `first` on, so
        that positions of the log before it, which are in the store, are not taken for its own.

        Raises `ControlError` where there are no numbers left.
        """
        if first + partitions > MAX_NUMBERS:
            raise ControlError(f"no partition numbers are left: there are {MAX_NUMBERS} over the life of a store")
        new = Generation(number=1, first=first, partitions=partitions, opened_at=SINCE_EVER)
        with self.writing() as connection:
            connection.execute(delete(log_generation).where(log_generation.c.stage == stage))
            connection.execute(insert(log_generation), [_row(stage, new)])

    def open_generation(self, stage: str, number: int, *, now: int) -> None:
        """From now on events go to it."""
        self._set(stage, number, opened_at=now)

    def mark_left(self, stage: str, number: int, log_time: int) -> None:
        """Nobody has written to it after this log time (ms); 0: somebody may again."""
        self._set(stage, number, left_at=log_time)

    def mark_drained(self, stage: str, number: int, *, now: int) -> None:
        """Nothing more comes from it; with `now` 0 something did after all: it is served again."""
        self._set(stage, number, drained_at=now)

    def _set(self, stage: str, number: int, **values: int) -> None:
        one = (log_generation.c.stage == stage) & (log_generation.c.number == number)
        with self.writing() as connection:
            if not connection.execute(update(log_generation).where(one).values(**values)).rowcount:
                raise ControlError(f"the log of stage {stage} has no generation {number}")


def _layout(connection: Connection, stage: str, partitions: int) -> Layout:
    mine = log_generation.c.stage == stage
    rows = connection.execute(select(log_generation).where(mine).order_by(log_generation.c.number)).all()
    if not rows:
        return one_generation(partitions)
    return Layout(
        tuple(
            Generation(
                number=row.number,
                first=row.first_partition,
                partitions=row.partitions,
                created_at=row.created_at,
                opened_at=row.opened_at,
                left_at=row.left_at,
                drained_at=row.drained_at,
            )
            for row in rows
        )
    )


def _row(stage: str, one: Generation) -> dict[str, object]:
    return {
        "stage": stage,
        "number": one.number,
        "first_partition": one.first,
        "partitions": one.partitions,
        "created_at": one.created_at,
        "opened_at": one.opened_at,
        "left_at": one.left_at,
        "drained_at": one.drained_at,
    }
