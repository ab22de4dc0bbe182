"""A site's settings, ready to use: own hosts, excluded paths, goals."""

from __future__ import annotations

from collections.abc import Callable

from footfall.enrich.goals import Goals, compile_goals
from footfall.enrich.hosts import OwnHosts
from footfall.enrich.patterns import compile_pattern
from footfall.sites import Site


class CompiledSite:
    """What the steps ask of a site."""

    __slots__ = ("excluded", "goals", "has_domains", "own_hosts")

    def __init__(self, site: Site) -> None:
        self.own_hosts = OwnHosts(site.domains)
        self.has_domains = bool(site.domains)
        self.excluded: tuple[Callable[[str], bool], ...] = tuple(map(compile_pattern, site.excluded_paths))
        self.goals: Goals = compile_goals(site.goals)


def compile_site(site: Site) -> CompiledSite:
    """Compile once per Site object."""
    return CompiledSite(site)
