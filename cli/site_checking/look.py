"""What the page, its tag, its policy and the script say, before anything is sent."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

from msgspec import Struct

from cli.checks.finding import Finding, bad, ok, warn
from cli.site_checking import policy
from cli.site_checking.fetching import Answer, FetchError, fetch, origin_of
from cli.site_checking.page import Page, Tag, read_page
from footfall.settings import Settings
from footfall.sites import Site, Sites
from ingest_gateway import scripts
from ingest_gateway.origins import is_bound, is_local, is_preview
from ingest_gateway.scripts import Manifest

DIGESTS = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
JAVASCRIPT = ("text/javascript", "application/javascript", "application/x-javascript")


class Looked(Struct):
    """What is known so far. Without `tag` nothing can be sent."""

    page: Page
    tag: Tag | None = None
    site: Site | None = None


def look(url: str, sites: Sites, settings: Settings, instead: Tag | None = None) -> tuple[Looked, list[Finding]]:
    """All findings on the page at `url`, in the order in which a browser would come across them.

    `instead`, which has no `src`, stands in for a tag that the HTML does not have.
    """
    names = [site.script_name for site in sites.by_id.values() if site.script_name]
    try:
        answer = fetch(url)
    except FetchError as error:
        return Looked(Page(url)), bad("page", str(error), "give the address of a page that this machine can open")
    page = read_page(answer, names)
    looked = Looked(page)
    findings = page_findings(answer)
    if answer.status != 200:
        return looked, findings
    findings += _tag_findings(looked, sites, settings, instead)
    tag = looked.tag
    if tag is not None:
        if looked.site is not None:
            findings += domain_findings(page.url, looked.site, settings)
        findings += mixed_findings(page.url, tag)
        findings += policy_findings(page, tag)
        findings += _script_findings(page, tag) if tag.src else []
    return looked, findings


def page_findings(answer: Answer) -> list[Finding]:
    """Did a page come?"""
    if answer.status != 200:
        told = f"{answer.url} answers {answer.status}"
        return bad("page", told, "give the address of a page that is shown to anybody, without a login")
    if answer.cut:
        told = f"{answer.url} is larger than 2 MiB: what comes later was not looked at"
        return warn("page", told, "put the tag into the head of the page")
    return ok("page", answer.url)


def _tag_findings(looked: Looked, sites: Sites, settings: Settings, instead: Tag | None) -> list[Finding]:
    page = looked.page
    if instead is None and not page.tags:
        return _no_tag(page)
    looked.tag = tag = instead or page.tags[0]
    looked.site = next((site for site in sites.by_id.values() if site.public_id == tag.public_id), None)
    if looked.site is None:
        told = f"no site here has the id {tag.public_id or '(empty)'} of the tag's data-site"
        return bad("tag", told, f"`footfall site list` shows the ids of this installation ({settings.stage})")
    told = f"{tag.src or 'none in the HTML,'} for site {looked.site.site_id}, which sends to {tag.endpoint}"
    if len(page.tags) > 1:
        told = f"{len(page.tags)} tags; the first of them: {told}"
        return warn("tag", told, "leave one: the second only costs time")
    return ok("tag", told)


def _no_tag(page: Page) -> list[Finding]:
    if page.pixels:
        return warn(
            "tag",
            "a pixel and no script: it counts page views and nothing else",
            "`footfall site show` has the tag",
        )
    return bad(
        "tag",
        'the page\'s HTML has no tag with data-site="pub_..."',
        "put the one that `footfall site show` prints into the head. If a tag manager or your own build brings "
        "the SDK, no tag is in the HTML: name the site with --site, and with --endpoint where it sends to",
    )


def domain_findings(url: str, site: Site, settings: Settings) -> list[Finding]:
    """May a page of this host send to the site, and where do its events go?"""
    host = urlsplit(url).hostname or ""
    if is_local(host) or (is_preview(host) and host not in site.domains):
        if not settings.dev_stage:
            mend = "name a stage for such events with FOOTFALL_DEV_STAGE, or check the real page"
            return bad("domain", f"{host} is localhost or a preview, whose events are refused here", mend)
        return ok("domain", f"{host} is localhost or a preview: its events go to stage {settings.dev_stage}")
    if is_bound(host, site.domains):
        return ok("domain", f"{host} belongs to site {site.site_id}")
    mend = f"if it is yours: `footfall site set {site.site_id} --add-domain {host}`"
    return bad("domain", f"{host} is none of the domains of site {site.site_id}: its events are refused", mend)


def mixed_findings(url: str, tag: Tag) -> list[Finding]:
    """A page over https loads and sends nothing over http (this machine apart)."""
    findings = []
    for what, other in (("script", tag.src), ("endpoint", tag.endpoint)):
        parts = urlsplit(other)
        if url.startswith("https:") and parts.scheme == "http" and not is_local(parts.hostname or ""):
            mend = "let the gateway be reached over https (docs/behind-a-proxy.md), and change the tag"
            findings += bad("mixed", f"the page comes over https, the {what} is {other}: browsers block it", mend)
    return findings


def policy_findings(page: Page, tag: Tag) -> list[Finding]:
    """Does a Content Security Policy let the script run, and send?"""
    policies = policy.parse(page.policies)
    if not policies:
        return ok("policy", "the page has no Content-Security-Policy")
    findings = []
    refused = policy.refused_script(policies, page.url, tag.src, tag.nonce, tag.integrity) if tag.src else ""
    if refused:
        mend = f"add {_source(page, tag.src)} to script-src, or give the tag the nonce of the page (docs/tag.md)"
        findings += bad("policy", f"the script is blocked by {refused}", mend)
    elif tag.integrity and policy.only_by_hash(policies, page.url, tag.src, tag.nonce):
        mend = f"add {_source(page, tag.src)} or 'strict-dynamic' to script-src"
        findings += warn("policy", "the script runs for its hash; the parts it loads are blocked", mend)
    refused = policy.refused_connect(policies, page.url, tag.endpoint)
    if refused:
        mend = f"add {_source(page, tag.endpoint)} to connect-src (docs/tag.md)"
        findings += bad("policy", f"sending to {tag.endpoint} is blocked by {refused}", mend)
    return findings or ok("policy", "the Content-Security-Policy lets the script run and send")


def _source(page: Page, url: str) -> str:
    return "'self'" if origin_of(url) == origin_of(page.url) else origin_of(url)


def _script_findings(page: Page, tag: Tag) -> list[Finding]:
    try:
        answer = fetch(tag.src, headers={"Origin": origin_of(page.url), "Referer": page.url})
    except FetchError as error:
        return bad("script", str(error), "is the gateway running, and does its proxy pass this path on to it?")
    return script_findings(page, tag, answer, scripts.read_manifest(scripts.FOLDER))


def script_findings(page: Page, tag: Tag, answer: Answer, manifest: Manifest) -> list[Finding]:
    """Is what the tag loads a script, ours, and what its `integrity` says?"""
    kind = answer.headers.get_content_type()
    if answer.status != 200 or kind not in JAVASCRIPT:
        told = f"{tag.src} is answered {answer.status} with {kind}, not with a script"
        mend = "let your proxy pass this path on to the gateway, or take the tag `footfall site show` prints now"
        return bad("script", told, mend)
    findings = integrity_findings(page, tag, answer)
    found = base64.b64encode(hashlib.sha256(answer.body).digest()).decode()
    if not manifest.files:
        return findings or warn(
            "script", "it is there; this installation has no built script to compare it with", "install a release"
        )
    if found != getattr(manifest.files.get("f.js"), "sha256", ""):
        told = f"{tag.src} is not the script of this release ({manifest.version})"
        mend = "empty the caches before the gateway, or let the tag load from this installation's gateway"
        return findings + warn("script", told, mend)
    part = manifest.files.get("f.auto.js")
    if tag.part and part is not None and tag.part != f"sha256-{part.sha256}":
        told = "its first part is not what the tag's data-auto names: browsers do not run it"
        return findings + bad("script", told, "take the pinned tag that `footfall site show` prints now")
    return findings or ok(
        "script", f"it is the one of this release ({manifest.version}), {len(answer.body):,} bytes"
    )


def integrity_findings(page: Page, tag: Tag, answer: Answer) -> list[Finding]:
    """What browsers refuse to run: other content than was named, or what they may not look at."""
    digests = [one.partition("-") for one in tag.integrity.split()]
    known = [(name, value.partition("?")[0]) for name, _, value in digests if name in DIGESTS]
    if not known:
        return []
    mend = "take the pinned tag that `footfall site show` prints now"
    if not any(base64.b64encode(DIGESTS[name](answer.body).digest()).decode() == value for name, value in known):
        return bad("script", "its content is not what the tag's integrity names: browsers do not run it", mend)
    if origin_of(tag.src) != origin_of(page.url):
        if not tag.crossorigin:
            return bad("script", "the tag has integrity without crossorigin: browsers do not run it", mend)
        if not answer.headers.get("access-control-allow-origin"):
            told = "a proxy takes Access-Control-Allow-Origin away, which integrity needs"
            return bad("script", told, "let the gateway's headers through")
    return []
