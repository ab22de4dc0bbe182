"""`python -m flows`, or with arguments `footfall ...`, with claims that are renewed and run out ten
times as fast."""

from __future__ import annotations

import sys

from flows import claims, ownership

FRESH_MS = 2_000


def hurry() -> None:
    ownership.FRESH_MS = FRESH_MS
    ownership.WAIT_S = 6.0
    claims.RENEW_S = 0.5
    claims.UNSURE_S = 1.0


if __name__ == "__main__":
    hurry()
    if sys.argv[1:]:
        from cli import main as footfall_main

        footfall_main()
    from flows.__main__ import main

    sys.exit(main())
