"""Content Security Policy, as far as it decides about a script and where it may send to (CSP Level 3)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import SplitResult, urlsplit

SCRIPT = ("script-src-elem", "script-src", "default-src")
CONNECT = ("connect-src", "default-src")
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_HASHES = ("'sha256-", "'sha384-", "'sha512-")

Policy = dict[str, list[str]]  # directive -> source expressions


def parse(headers: Iterable[str]) -> list[Policy]:
    """All policies; each has to allow what is asked. A header may hold several, with commas."""
    found = []
    for text in ",".join(headers).split(","):
        policy: Policy = {}
        for directive in text.split(";"):
            name, *sources = directive.split() or [""]
            if name:
                policy.setdefault(name.lower(), sources)  # of two alike the first counts
        if policy:
            found.append(policy)
    return found


def refused_script(policies: list[Policy], page: str, src: str, nonce: str, integrity: str) -> str:
    """The directive that does not let this script run, as it stands in the policy; empty: none."""
    for policy in policies:
        name, sources = _directive(policy, SCRIPT)
        if name and not _allows_script(sources, page, src, nonce, integrity):
            return _told(name, sources)
    return ""


def refused_connect(policies: list[Policy], page: str, url: str) -> str:
    """The directive that does not let a script send to this URL; empty: none."""
    for policy in policies:
        name, sources = _directive(policy, CONNECT)
        if name and not _allows_url(sources, page, url):
            return _told(name, sources)
    return ""


def only_by_hash(policies: list[Policy], page: str, src: str, nonce: str) -> bool:
    """Whether the script may run for its hash alone, which the parts that it loads do not have."""
    for policy in policies:
        _, sources = _directive(policy, SCRIPT)
        strict = "'strict-dynamic'" in map(str.lower, sources)
        if sources and not strict and not _allows_script(sources, page, src, nonce, ""):
            return True
    return False


def _directive(policy: Policy, names: tuple[str, ...]) -> tuple[str, list[str]]:
    return next(((name, policy[name]) for name in names if name in policy), ("", []))


def _told(name: str, sources: list[str]) -> str:
    text = " ".join([name, *sources])
    return text if len(text) <= 200 else text[:197] + "..."


def _allows_script(sources: list[str], page: str, src: str, nonce: str, integrity: str) -> bool:
    if nonce and f"'nonce-{nonce}'" in sources:
        return True
    hashes = integrity.split()
    if hashes and all(f"'{one}'" in sources for one in hashes):
        return True
    return "'strict-dynamic'" not in map(str.lower, sources) and _allows_url(sources, page, src)


def _allows_url(sources: list[str], page: str, url: str) -> bool:
    return any(_matches_at_all(source, urlsplit(page), urlsplit(url)) for source in sources)


def _matches_at_all(source: str, page: SplitResult, url: SplitResult) -> bool:
    try:
        return _matches(source, page, url)
    except ValueError:
        return False  # no host, no port: browsers pass over it, too


def _matches(source: str, page: SplitResult, url: SplitResult) -> bool:
    if source.lower() == "'self'":
        source = f"{page.scheme}://{page.netloc}"
    elif source.startswith("'"):
        return False
    if source == "*":
        return url.scheme in (page.scheme, *_PORTS)
    if source.endswith(":") and "/" not in source:
        return _same_scheme(source[:-1].lower(), url.scheme)
    wanted = urlsplit(source if "://" in source else f"//{source}")
    return (
        _same_scheme(wanted.scheme or page.scheme, url.scheme)
        and _same_host(wanted, url)
        and _same_port(wanted, url)
        and _same_path(wanted.path, url.path)
    )


def _same_scheme(wanted: str, given: str) -> bool:
    """http stands for https, too."""
    return wanted == given or (wanted, given) == ("http", "https")


def _same_host(wanted: SplitResult, url: SplitResult) -> bool:
    host, name = (url.hostname or "").lower(), wanted.netloc.lower().rpartition("@")[2]
    name = name.rpartition(":")[0] if name.rpartition(":")[2].isdigit() or name.endswith(":*") else name
    if name.startswith("*."):
        return host.endswith(name[1:])
    return host == name.strip("[]")


def _same_port(wanted: SplitResult, url: SplitResult) -> bool:
    if wanted.netloc.endswith(":*"):
        return True
    given = url.port or _PORTS.get(url.scheme)
    own = wanted.port
    if own is None:
        return given == _PORTS.get(url.scheme)
    return own == given or (own, given) == (80, 443)


def _same_path(wanted: str, given: str) -> bool:
    if wanted in ("", "/"):
        return True
    return given.startswith(wanted) if wanted.endswith("/") else given == wanted
