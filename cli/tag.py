"""What a site's owner is told to do, so that events come: only what works today."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from footfall.settings import Settings
from footfall.sites import Site

if TYPE_CHECKING:
    from ingest_gateway.scripts import Manifest

BATCH = "/v1/batch"


def how_to_send(site: Site, settings: Settings) -> str:
    """The script, the pixel, and a first event from a command line and from a server."""
    return "".join([_script(site, settings), _without_script(site, settings)])


def _script(site: Site, settings: Settings) -> str:
    from ingest_gateway.scripts import FOLDER, read_manifest

    address, to = settings.gateway_address(), path_to(site, settings)
    own = f'data-site="{site.public_id}"' + (f' data-endpoint="{to}"' if to else "")
    name = site.script_name or "f.js"
    manifest = read_manifest(FOLDER)
    text = (
        f"{_whose(settings)}"
        "Put this tag into the head of every page:\n\n"
        f'  <script defer src="{address}/{name}" {own}></script>\n\n'
    )
    if core := manifest.files.get("f.js"):
        pinned = f"{name.removesuffix('.js')}-{manifest.version}.js"
        text += (
            "Or pinned to this release, so that browsers run nothing else. Change it with each upgrade of the\n"
            "gateway, which serves the scripts of its own release only:\n\n"
            f'  <script defer src="{address}/{pinned}" integrity="sha256-{core.sha256}"\n'
            f'    crossorigin="anonymous" {own}{_first_part(manifest)}></script>\n\n'
        )
    else:
        text += "This installation has no built script yet, so the tag loads nothing: install a release.\n\n"
    return text + (
        "Where a bundler builds the pages, the npm package does the same (sdk-js/README.md):\n\n"
        f"  init({{ site: '{site.public_id}', endpoint: '{urljoin(address, to)}' }})\n\n"
        "`footfall site check URL` tells whether a page does it right. docs/tag.md has the rest.\n\n"
    )


def _first_part(manifest: Manifest) -> str:
    """What pins the part that the script loads by itself."""
    auto = manifest.files.get("f.auto.js")
    return f'\n    data-auto="sha256-{auto.sha256}"' if auto else ""


def path_to(site: Site, settings: Settings) -> str:
    """Where on the gateway's host batches go; empty: /v1/batch, where the script sends to by itself."""
    below = urlsplit(settings.gateway_address()).path
    return below + (site.endpoint_path or BATCH) if below or site.endpoint_path else ""


def _whose(settings: Settings) -> str:
    if settings.public_url:
        return ""
    return "This is the gateway's own address: name its public one with FOOTFALL_PUBLIC_URL.\n\n"


def _without_script(site: Site, settings: Settings) -> str:
    address = settings.gateway_address()
    page = f"https://{site.domains[0]}/"
    return (
        "Where no script can run, a pixel counts page views:\n\n"
        f'  <img src="{address}/v1/pixel.gif?site={site.public_id}" alt="" referrerpolicy="unsafe-url">\n\n'
        "Send a first event (each time you do counts, for it carries no id):\n\n"
        f"  curl {address}/v1/batch -H 'Content-Type: application/json' \\\n"
        f"    -H 'X-Footfall-Site: {site.public_id}' \\\n"
        f'    -d \'{{"events":[{{"name":"page_view","url":"{page}","title":"Hello"}}]}}\'\n\n'
        "Or from your server, which may name visitors and users, with the key that\n"
        f"`footfall key create {site.site_id}` shows:\n\n"
        f"  curl {address}/api/v1/track/event -H 'Content-Type: application/json' \\\n"
        "    -H 'Authorization: Bearer sk_...' \\\n"
        '    -d \'{"name":"signup","visitor_id":"v-123","user_id":"u-7"}\'\n'
    )
