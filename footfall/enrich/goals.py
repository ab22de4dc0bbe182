"""Goals: named predicates over one event. The flow and repair use this one definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from footfall.enrich.patterns import compile_pattern
from footfall.sites import Goal, Site

PropValue = str | int | float | bool | None


def prop_text(value: PropValue) -> str:
    """A prop as text, as the store keeps it: true, false, 1 (for 1.0 too), 1.5; empty for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0")


class _Rule(Struct, frozen=True):
    """One goal, compiled."""

    name: str
    path: Callable[[str], bool] | None
    props: tuple[tuple[str, str], ...]

    def holds(self, path: str, props: Mapping[str, PropValue]) -> bool:
        if self.path is not None and not self.path(path):
            return False
        return all(key in props and prop_text(props[key]) == wanted for key, wanted in self.props)


Goals = dict[str, tuple[_Rule, ...]]
"""Event name -> its rules; "" -> the rules for an event of any other name."""


def compile_goals(goals: tuple[Goal, ...]) -> Goals:
    """Rules by event name. A goal that sets nothing is reached by nothing."""
    rules = [(goal.event, _rule(goal)) for goal in goals if goal.event or goal.path or goal.props]
    names = {event for event, _ in rules} | {""} if rules else set()
    return {name: tuple(rule for event, rule in rules if event in ("", name)) for name in names}


def _rule(goal: Goal) -> _Rule:
    return _Rule(goal.name, compile_pattern(goal.path) if goal.path else None, goal.props)


def reached(goals: Goals, name: str, path: str, props: Mapping[str, PropValue]) -> tuple[str, ...]:
    """Names of the goals an event reaches, in the site's order; each once."""
    rules = goals.get(name)
    if rules is None:
        rules = goals.get("", ())
    names = tuple([rule.name for rule in rules if rule.holds(path, props)])
    return tuple(dict.fromkeys(names)) if len(names) > 1 else names


_LIMIT = 1024
_compiled: dict[int, tuple[Site, Goals]] = {}


def goals_of(site: Site) -> Goals:
    """The site's goals, compiled once per Site object (bounded)."""
    known = _compiled.get(id(site))
    if known is not None and known[0] is site:
        return known[1]
    if len(_compiled) >= _LIMIT:
        _compiled.clear()
    goals = compile_goals(site.goals)
    _compiled[id(site)] = (site, goals)
    return goals


def goals_reached(site: Site, name: str, path: str, props: Mapping[str, PropValue]) -> tuple[str, ...]:
    """Names of the site's goals that an event of that name, path and props reaches.

    `path` and `props` are as stored (redacted); props may be typed or text.
    """
    return reached(goals_of(site), name, path, props)
