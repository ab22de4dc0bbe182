"""Which topics a stage's log consists of: its generations, and the numbers of their partitions.

The number of a topic's partitions is fixed. A log grows by another topic with more of them, a new
*generation*, whose partitions are numbered on after the older ones': a number never changes its
meaning, so that (partition, offset) stays a position in the store and a key of recovery state.
New events go to the newest generation that is open; the older ones are read until they are drained.
"""

from __future__ import annotations

from msgspec import Struct

SINCE_EVER = 1  # when the first generation was opened and made, as far as anybody knows
MAX_PARTITIONS = 1024  # of one generation
ALWAYS = (1 << 48) - 1  # ms: after every time, the times of ids too
RETRY_MS = 60_000  # by which times of a batch that is sent again differ, at the network's whim
MAX_NUMBERS = 65_536  # partition numbers are UInt16 in the store


class GrowthError(ValueError):
    """A log cannot grow so; the message says why."""


class Generation(Struct, frozen=True, kw_only=True):
    """One topic of a stage's log. Times are UTC milliseconds."""

    number: int  # 1 is `{stage}.raw`, g is `{stage}.raw.{g}`
    first: int  # number of its first partition, across generations
    partitions: int  # how many
    created_at: int = SINCE_EVER
    opened_at: int = 0  # from when on events go to it; 0: not yet
    left_at: int = 0  # log time after which nobody has written to it any more; 0: somebody may
    drained_at: int = 0  # all of it is read and nothing more comes; 0: not yet

    @property
    def numbers(self) -> range:
        """The numbers of its partitions."""
        return range(self.first, self.first + self.partitions)

    @property
    def is_drained(self) -> bool:
        """Whether nobody writes to it or reads it any more."""
        return self.drained_at > 0


class Layout(Struct, frozen=True):
    """A stage's generations, oldest first; there is at least one."""

    generations: tuple[Generation, ...]

    @property
    def newest(self) -> Generation:
        """Where events go."""
        return next(one for one in reversed(self.generations) if one.opened_at)

    @property
    def waiting(self) -> Generation | None:
        """A generation that is to be the newest once it is read."""
        last = self.generations[-1]
        return None if last.opened_at else last

    @property
    def served(self) -> tuple[Generation, ...]:
        """Those that are read: all that are not drained."""
        return tuple(one for one in self.generations if not one.is_drained)

    @property
    def partitions(self) -> list[int]:
        """The numbers of the served partitions, ascending."""
        return [number for one in self.served for number in one.numbers]

    @property
    def is_switching(self) -> bool:
        """Whether several generations are served: a visitor may be in partitions of each."""
        return len(self.served) > 1

    @property
    def older(self) -> tuple[Generation, ...]:
        """Those that are read, and written to only by who has not heard of the newest yet."""
        return tuple(one for one in self.served if one.number < self.newest.number)

    def unsure_until(self, partition: int) -> int:
        """What occurred before this (ms) and comes in the partition may have come in one of another
        generation before: a batch that is sent again, once to a gateway that knows of the newest and once
        to one that does not. 0: nothing may."""
        if self.waiting is not None:
            return ALWAYS
        older = self.older
        if not older:
            return 0
        if partition < self.newest.first or any(not one.left_at for one in older):
            return ALWAYS
        return max(one.left_at for one in older) + RETRY_MS

    def partition_of(self, route: int) -> int:
        """The partition of a visitor's new events."""
        newest = self.newest
        return newest.first + route % newest.partitions

    def holding(self, partition: int) -> Generation | None:
        """The generation a partition is of; None where there is no such partition."""
        return next((one for one in self.generations if partition in one.numbers), None)

    def next(self, partitions: int, now: int) -> Generation:
        """The generation it would grow by. Raises `GrowthError`."""
        last = self.generations[-1]
        if self.waiting is not None:
            raise GrowthError(
                f"generation {last.number} is not in use yet: another `footfall log grow` made it, and is at work "
                f"or was broken off. With --partitions {last.partitions} it is gone on with"
            )
        if partitions <= last.partitions:
            raise GrowthError(
                f"the log has {last.partitions} partitions, and grows to more only: idle ones cost next to "
                "nothing, while each change of their number splits the visits of that moment for a while"
            )
        if partitions > MAX_PARTITIONS or last.first + last.partitions + partitions > MAX_NUMBERS:
            raise GrowthError(f"a log has at most {MAX_PARTITIONS} partitions, and {MAX_NUMBERS} over its life")
        first = last.first + last.partitions
        return Generation(number=last.number + 1, first=first, partitions=partitions, created_at=now)

    def writable(self, partition: int) -> int:
        """The partition itself while it is served, else one of the newest generation in its place:
        for old records put into the log once more."""
        generation = self.holding(partition)
        served = generation is not None and not generation.is_drained
        return partition if served else self.partition_of(partition)


def one_generation(partitions: int) -> Layout:
    """The layout of a log that never grew."""
    return Layout((Generation(number=1, first=0, partitions=partitions, opened_at=SINCE_EVER),))
