"""A URL's parts. Split by hand where the URL has the common form, by urllib otherwise.

Both ways give the same for every URL that the first takes on (a property test holds
it). Hosts are lower-case, default ports are gone, a fragment counts only as the route
of a single-page app (`#/` or `#!/`), whose query counts as query.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

DEFAULT_PORT = {"http": 80, "https": 443}
_HOST_CHARS = str.maketrans("", "", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.")


class Parts(NamedTuple):
    """What is looked at of a URL; `host` with a port only where it is no default one."""

    scheme: str
    host: str
    path: str
    query: str


NOTHING = Parts("", "", "", "")


def split_url(url: str) -> Parts:
    """The parts of any text; `NOTHING` where it is no URL. Never raises."""
    return _split_common(url) or _split_any(url)


def _split_common(url: str) -> Parts | None:
    """`http(s)://host/path?query#fragment` in plain ASCII; None for all else."""
    if url[:8] == "https://":
        scheme, rest = "https", url[8:]
    elif url[:7] == "http://":
        scheme, rest = "http", url[7:]
    else:
        return None
    if not (rest.isascii() and rest.isprintable()) or rest[-1:] == " ":
        return None
    rest, _, fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    host, slash, path = rest.partition("/")
    if not host or host.translate(_HOST_CHARS):
        return None
    return _finished(scheme, host.lower(), slash + path, query, fragment)


def _split_any(url: str) -> Parts:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()  # urllib leaves what follows a `%` as it is
    except ValueError:  # urllib refuses it: a broken IPv6 host, say
        return NOTHING
    scheme = parts.scheme
    if scheme and not host:  # about:, data:, javascript:, mailto: say no place on a site
        return Parts(scheme, "", "", "")
    if ":" in host:
        host = f"[{host}]"
    try:
        port = parts.port
    except ValueError:
        port = None
    if port and port != DEFAULT_PORT.get(scheme):
        host = f"{host}:{port}"
    return _finished(scheme, host, parts.path, parts.query, parts.fragment)


def _finished(scheme: str, host: str, path: str, query: str, fragment: str) -> Parts:
    if fragment.startswith(("/", "!/")):
        route, _, more = fragment.partition("?")
        path = f"{path or '/'}#{route}"
        query = f"{query}&{more}" if query and more else query or more
    return Parts(scheme, host.rstrip("."), path or ("/" if host else ""), query)
