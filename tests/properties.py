"""How many examples a property test looks at."""

from __future__ import annotations

from hypothesis import settings

_USUAL = 100  # hypothesis' own default


def examples(count: int) -> settings:
    """`count` of them; as many times that as the profile has more than the usual number."""
    return settings(max_examples=count * settings().max_examples // _USUAL, deadline=None)
