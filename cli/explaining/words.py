"""Words that both explanations use."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.explaining.stored import Row


def moment(at: datetime | int) -> str:
    """UTC with milliseconds; a number is milliseconds."""
    if isinstance(at, int):
        at = datetime.fromtimestamp(at / 1000, UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03d} UTC"


def session_line(session: Row) -> str:
    """A session that stands."""
    made = f"repair, generation {session['generation']}" if session["generation"] else "the live flow"
    state = "closed" if session["is_closed"] else "open"
    return (
        f"session    {session['session_id']}: {moment(session['start_at'])} to {moment(session['end_at'])}, "
        f"{session['events']} events, {state}, made by {made}"
    )
