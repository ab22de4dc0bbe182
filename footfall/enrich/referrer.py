"""The referrer: host, what is shown of it, its category, and whether it is spam."""

from __future__ import annotations

from msgspec import Struct

from footfall.enrich.hosts import in_domains, without_port
from footfall.enrich.pii import redact, redact_host
from footfall.enrich.sources import category_of_host
from footfall.enrich.urls import split_url


class Referrer(Struct, frozen=True, gc=False):
    """The page somebody came from. All empty: there is none, or it is no web address."""

    host: str = ""  # as it is, for comparing; `www.` is kept: it is what the browser said
    shown_host: str = ""  # redacted
    shown: str = ""  # host and path, redacted
    category: str = ""
    is_spam: bool = False


NO_REFERRER = Referrer()


def read_referrer(url: str, spam_domains: frozenset[str]) -> Referrer:
    """What a referrer tells. Never raises."""
    parts = split_url(url)
    if not parts.host and "://" not in url and parts.path:
        parts = split_url(f"https://{url.lstrip('/')}")  # some clients leave the scheme out
    if "." not in parts.host and ":" not in parts.host:
        return NO_REFERRER
    shown_host = redact_host(parts.host)
    return Referrer(
        host=parts.host,
        shown_host=shown_host,
        shown=shown_host + redact(parts.path),
        category=category_of_host(parts.host),
        is_spam=in_domains(without_port(parts.host), spam_domains),
    )
