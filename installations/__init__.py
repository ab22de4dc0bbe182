"""Which installation a stage belongs to, on servers that several share.

An installation is its control plane; it has an id that was made once. On each server that the
settings name it leaves the id as a mark, for each stage it serves: in the database, beside the topic,
among the keys, among the objects. Who finds another's mark goes no further. So two installations that
were both given stage `prod` (it is the default) meet an error, and not each other's events.

`footfall migrate` and `footfall up` leave the marks; each part looks at those it needs before it
starts. They are no locks: what already runs is not stopped.
"""

from installations.marking import DURABLE, LIVE, LOG, STORE, ClaimedError, check, claim, identify, look, settle

__all__ = ["DURABLE", "LIVE", "LOG", "STORE", "ClaimedError", "check", "claim", "identify", "look", "settle"]
