"""What a Redis server refuses, in words for whoever runs it."""

from __future__ import annotations

import redis

FULL = (
    "it cannot write its files, most likely because its disk is full, and takes no writes until it can. Make room "
    "there; `redis-cli BGSAVE` then makes it try at once"
)


def in_plain_words(error: redis.RedisError) -> str:
    """The error, without the command it is about: its arguments are figures of a site."""
    said = str(error)
    said = said.rpartition(" of pipeline caused error: ")[2]
    return f"{FULL} ({said.partition('.')[0]})" if said.startswith("MISCONF") else said


def is_full(error: redis.RedisError) -> bool:
    """Whether it refuses writes because it cannot save what it has."""
    return "MISCONF" in str(error)
