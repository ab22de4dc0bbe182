"""A site's settings, ready to use: own hosts, excluded paths, goals."""

from __future__ import annotations

from footfall.enrich.cache import Cache
from footfall.enrich.goals import Goals, compile_goals
from footfall.enrich.hosts import OwnHosts
from footfall.enrich.patterns import REMEMBERED_PATHS, compile_pattern
from footfall.sites import Site


class CompiledSite:
    """What the steps ask of a site."""

    __slots__ = ("excluded", "goals", "has_domains", "own_hosts")

    def __init__(self, site: Site) -> None:
        self.own_hosts = OwnHosts(site.domains)
        self.has_domains = bool(site.domains)
        self.excluded = _excluded(site.excluded_paths)
        self.goals: Goals = compile_goals(site.goals)


def _excluded(patterns: tuple[str, ...]) -> Cache[str, bool] | None:
    """`excluded[path]`, or None where nothing is."""
    if not patterns:
        return None
    tests = [compile_pattern(pattern) for pattern in patterns]
    return Cache(lambda path: any(fits(path) for fits in tests), REMEMBERED_PATHS)


def compile_site(site: Site) -> CompiledSite:
    """Compile once per Site object."""
    return CompiledSite(site)
