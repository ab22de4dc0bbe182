"""Goals: named predicates over one event. The flow and repair use this one definition."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from footfall.enrich.cache import Cache
from footfall.enrich.patterns import REMEMBERED_PATHS, compile_pattern
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


class Rules:
    """The rules for events of one name. Where no prop matters, answers are kept by path."""

    __slots__ = ("_rules", "by_path")

    def __init__(self, rules: tuple[_Rule, ...]) -> None:
        self._rules = rules
        simple = not any(rule.props for rule in rules)
        self.by_path: Cache[str, tuple[str, ...]] | None = (
            Cache(lambda path: self._test(path, {}), REMEMBERED_PATHS) if simple else None
        )

    def reached(self, path: str, props: Mapping[str, PropValue]) -> tuple[str, ...]:
        """Names of the goals, in the site's order, each once."""
        return self._test(path, props) if self.by_path is None else self.by_path[path]

    def _test(self, path: str, props: Mapping[str, PropValue]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([rule.name for rule in self._rules if rule.holds(path, props)]))


class Goals(Struct, frozen=True):
    """A site's goals by event name, and those for an event of any other name."""

    by_name: dict[str, Rules] = {}
    others: Rules | None = None

    def reached(self, name: str, path: str, props: Mapping[str, PropValue]) -> tuple[str, ...]:
        """Names of the goals an event reaches."""
        rules = self.by_name.get(name, self.others)
        return () if rules is None else rules.reached(path, props)


def compile_goals(goals: tuple[Goal, ...]) -> Goals:
    """Rules by event name. A goal that sets nothing is reached by nothing."""
    rules = [(goal.event, _rule(goal)) for goal in goals if goal.event or goal.path or goal.props]
    others = tuple(rule for event, rule in rules if not event)
    return Goals(
        {name: Rules(tuple(rule for event, rule in rules if event in ("", name))) for name, _ in rules if name},
        Rules(others) if others else None,
    )


def _rule(goal: Goal) -> _Rule:
    return _Rule(goal.name, compile_pattern(goal.path) if goal.path else None, goal.props)


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
    return goals_of(site).reached(name, path, props)
