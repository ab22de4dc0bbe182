"""Which sites a browser's origin may send to, and to which stage its events go."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - compared, not bound
LOCAL_SUFFIXES = (".local", ".localhost")
ANY_HOST = "*"  # as a domain: every host; no real site has it, the control plane takes domain names only
# Hosts of previews and tunnels: whoever has the site's id may send from there, to dev.
PREVIEW_SUFFIXES = (
    ".amplifyapp.com",
    ".azurestaticapps.net",
    ".csb.app",
    ".fly.dev",
    ".github.dev",
    ".gitpod.io",
    ".herokuapp.com",
    ".loca.lt",
    ".netlify.app",
    ".ngrok-free.app",
    ".ngrok.app",
    ".ngrok.io",
    ".now.sh",
    ".onrender.com",
    ".pages.dev",
    ".stackblitz.io",
    ".surge.sh",
    ".trycloudflare.com",
    ".vercel.app",
    ".web.app",
    ".webcontainer.io",
    ".workers.dev",
)


@lru_cache(16_384)
def host_of(url: str) -> str:
    """The host of an origin or URL, lower case; empty for `null` and nonsense."""
    _, found, rest = url.partition("://")
    if not found:
        return ""
    for end in "/?#":
        rest = rest.partition(end)[0]
    rest = rest.rpartition("@")[2]
    if rest.startswith("["):
        return rest[1:].partition("]")[0].lower()
    return rest.partition(":")[0].rstrip(".").lower()


def is_local(host: str) -> bool:
    """A developer's own machine."""
    return host in LOCAL_HOSTS or host.endswith(LOCAL_SUFFIXES)


def is_preview(host: str) -> bool:
    """A preview deployment or a tunnel."""
    return host.endswith(PREVIEW_SUFFIXES)


def is_bound(host: str, domains: Iterable[str]) -> bool:
    """One of the domains, or below one: labels are compared, never mere endings."""
    return any(domain in (host, ANY_HOST) or host.endswith("." + domain) for domain in domains) and bool(host)


def is_dev(host: str, domains: tuple[str, ...]) -> bool:
    """Whether this origin's events go to stage dev. A preview host that the site has bound
    by its full name is where that site lives: then they do not."""
    return is_local(host) or (is_preview(host) and host not in domains)
