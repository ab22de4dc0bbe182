"""What a site's owner is told to do, so that events come: only what works today."""

from __future__ import annotations

from footfall.settings import Settings
from footfall.sites import Site


def how_to_send(site: Site, settings: Settings) -> str:
    """The pixel, and a first event from a command line and from a server."""
    address = f"http://{settings.gateway_host}:{settings.gateway_port}"
    page = f"https://{site.domains[0]}/"
    return (
        "Put this pixel on every page (with the public address of your gateway in place of this one).\n"
        "It counts page views. The script that sends more, the SDK, comes with a later release:\n\n"
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
