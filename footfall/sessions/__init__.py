"""Sessions: `facts_of` makes facts of events, `SessionShard` folds them while they come,
`sessions_of` folds a visitor's whole history in a repair."""

from footfall.sessions.facts import Fact, Who, facts_of, who_of
from footfall.sessions.repair import Repaired, StoredFact, next_generation, replace, sessions_of
from footfall.sessions.row import SessionRow, session_version
from footfall.sessions.shard import Policy, SessionShard, Snapshot

__all__ = [
    "Fact",
    "Policy",
    "Repaired",
    "SessionRow",
    "SessionShard",
    "Snapshot",
    "StoredFact",
    "Who",
    "facts_of",
    "next_generation",
    "replace",
    "session_version",
    "sessions_of",
    "who_of",
]
