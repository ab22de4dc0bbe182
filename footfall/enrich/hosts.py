"""Whose host is it: the site's own, a preview, or a stranger's."""

from __future__ import annotations

from ipaddress import ip_address

# Where hosting companies put previews of a branch; such events go to stage dev.
PREVIEW_SUFFIXES = frozenset(
    {
        "localhost", "local", "test", "internal", "vercel.app", "netlify.app", "netlify.com", "pages.dev",
        "workers.dev", "onrender.com", "fly.dev", "herokuapp.com", "surge.sh", "web.app", "firebaseapp.com",
        "github.dev", "gitpod.io", "stackblitz.io", "webcontainer.io", "codesandbox.io", "csb.app",
        "ngrok.io", "ngrok.app", "ngrok-free.app", "ngrok-free.dev", "loca.lt", "trycloudflare.com",
        "amplifyapp.com", "azurestaticapps.net", "up.railway.app", "deno.dev", "replit.dev", "replit.app",
    }
)  # fmt: skip


def without_port(host: str) -> str:
    """`[::1]:80` -> `::1`, `a.example:81` -> `a.example`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def in_domains(host: str, domains: frozenset[str]) -> bool:
    """Whether the host is one of the domains or a subdomain: whole labels, never substrings."""
    while host:
        if host in domains:
            return True
        host = host.partition(".")[2]
    return False


def is_preview_host(host: str) -> bool:
    """localhost, a private address, or a host of a preview service (`host` may have a port)."""
    name = without_port(host.lower())
    if in_domains(name, PREVIEW_SUFFIXES):
        return True
    if not name or not (name[-1].isdigit() or ":" in name):
        return False
    try:
        address = ip_address(name)
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local


class OwnHosts(dict[str, bool]):
    """`own[host]`: whether a host is one of the site's (bounded memo)."""

    LIMIT = 1000

    def __init__(self, domains: tuple[str, ...]) -> None:
        super().__init__()
        self._domains = frozenset(domain.lower().strip().rstrip(".").removeprefix("*.") for domain in domains)

    def __missing__(self, host: str) -> bool:
        if len(self) >= self.LIMIT:
            self.clear()
        self[host] = answer = in_domains(without_port(host), self._domains)
        return answer
