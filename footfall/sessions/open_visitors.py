"""Visitors with an open run: objects while events come, bytes while they do not.

Knows what changed since it was last saved, so that saving it costs what was touched.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from footfall.sessions.delta import Changes, encode_delta
from footfall.sessions.part import NEVER
from footfall.sessions.visitor import Visitor, close_at_of, times_of

MAX_HOT = 1024  # visitors kept as objects; the others are bytes, a quarter of the size


class OpenVisitors:
    """By visitor id. `cold` and `aliases` (today's id -> yesterday's) are taken over."""

    def __init__(
        self, max_hot: int, cold: dict[int, bytes] | None = None, aliases: dict[int, int] | None = None
    ) -> None:
        self._max_hot = max_hot
        self.hot: dict[int, Visitor] = {}
        self.cold = {} if cold is None else cold
        self.aliases = {} if aliases is None else aliases
        self._changes = Changes()

    def __len__(self) -> int:
        return len(self.hot) + len(self.cold)

    @property
    def cold_bytes(self) -> int:
        """Bytes of the encoded visitors. Walks over all of them."""
        return sum(map(len, self.cold.values()))

    def find(self, visitor_id: int) -> Visitor | None:
        """The visitor as an object; None where they have no open run."""
        visitor = self.hot.get(visitor_id)
        if visitor is None and visitor_id in self.cold:
            visitor = self.wake(visitor_id)
        return visitor

    def wake(self, visitor_id: int) -> Visitor:
        """The visitor, who is known, as an object."""
        visitor = self.hot.get(visitor_id)
        if visitor is None:
            visitor = self.hot[visitor_id] = Visitor.decode(self.cold.pop(visitor_id))
            self._changes.visitors.discard(visitor_id)
            self._limit_hot()
        return visitor

    def begin(self, visitor_id: int, site_id: str) -> Visitor:
        """A new one."""
        visitor = self.hot[visitor_id] = Visitor(site_id)
        self._limit_hot()
        return visitor

    def end(self, visitor_id: int, visitor: Visitor) -> None:
        """Forget one, who is an object, and every id that stood for them."""
        del self.hot[visitor_id]
        self._changes.gone.add(visitor_id)
        for alias in visitor.aliases:
            if self.aliases.get(alias) == visitor_id:
                del self.aliases[alias]
                self._changes.aliases.add(alias)

    def add_alias(self, alias: int, visitor_id: int, visitor: Visitor) -> None:
        """From now on `alias` stands for the visitor."""
        if self.aliases.get(alias) != visitor_id:
            self.aliases[alias] = visitor_id
            self._changes.aliases.add(alias)
            visitor.aliases.append(alias)

    def close_at(self, visitor_id: int) -> int:
        """Log time (ms) at which the first of the visitor's runs closes; NEVER for an unknown one."""
        visitor = self.hot.get(visitor_id)
        if visitor is not None:
            return visitor.close_at
        data = self.cold.get(visitor_id)
        return close_at_of(data) if data else NEVER

    def open_at(self, visitor_id: int) -> int:
        """Log time (ms) at which an open row of the visitor is due; NEVER where none is."""
        visitor = self.hot.get(visitor_id)
        if visitor is not None:
            return visitor.open_at
        data = self.cold.get(visitor_id)
        return times_of(data).open_at if data else NEVER

    def _limit_hot(self) -> None:
        """Encode the older half where there are too many objects (never the newest)."""
        if len(self.hot) > self._max_hot:
            self._cool(list(self.hot)[: len(self.hot) // 2])

    def _cool(self, visitor_ids: list[int]) -> None:
        hot, cold = self.hot, self.cold
        for visitor_id in visitor_ids:
            cold[visitor_id] = hot.pop(visitor_id).encode()
        self._changes.visitors.update(visitor_ids)

    # Saving

    @property
    def changed(self) -> int:
        """How much a `delta(everything=False)` would hold: encoded visitors, ids, aliases."""
        return len(self._changes)

    def save_whole(self) -> None:
        """Encode all, whose bytes are then taken from `cold` and `aliases`; nothing has changed since."""
        self._cool(list(self.hot))
        self._changes = Changes()

    def delta(self, pending: bytes, everything: bool) -> bytes:
        """What changed since it was last saved; without `everything`, visitors that are still
        objects wait for a later one."""
        if everything:
            self._cool(list(self.hot))
        changes, self._changes = self._changes, Changes()
        aliases = {alias: self.aliases[alias] for alias in changes.aliases if alias in self.aliases}
        return encode_delta(
            {visitor_id: self.cold[visitor_id] for visitor_id in changes.visitors},
            # One that is back again may be an object, and in no delta for a while.
            (visitor_id for visitor_id in changes.gone if visitor_id not in self.cold),
            aliases,
            changes.aliases - aliases.keys(),
            pending,
        )

    def copy(self, visitor_ids: Iterable[int], aliases: bool) -> bytes:
        """A delta that says again what earlier ones said; see `SessionShard.copy`."""
        cold, changed = self.cold, self._changes.visitors
        return encode_delta(
            {
                visitor_id: cold[visitor_id]
                for visitor_id in visitor_ids
                if visitor_id in cold and visitor_id not in changed
            },
            aliases={alias: known for alias, known in self.aliases.items() if alias not in self._changes.aliases}
            if aliases
            else None,
        )

    def ids(self) -> array[int]:
        """Of all visitors, in no order that means anything."""
        return array("Q", [*self.cold, *self.hot])
