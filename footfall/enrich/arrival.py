"""One arrival from outside: campaign and referrer become a Traffic."""

from __future__ import annotations

from typing import NamedTuple

from footfall.enrich.batch import Traffic
from footfall.enrich.channels import DIRECT, channel_of
from footfall.enrich.landing import Campaign
from footfall.enrich.referrer import NO_REFERRER, Referrer
from footfall.enrich.sources import category_of_source

NO_CAMPAIGN = Campaign()


class Network(NamedTuple):
    """Whose click id it is, and the medium its clicks are of."""

    source: str
    medium: str


# fbclid and igshid are put on every outgoing link, paid or not: they name no medium.
NETWORKS: dict[str, Network] = {
    "gclid": Network("google", "cpc"),
    "gbraid": Network("google", "cpc"),
    "wbraid": Network("google", "cpc"),
    "gad_source": Network("google", "cpc"),
    "dclid": Network("doubleclick", "display"),
    "msclkid": Network("bing", "cpc"),
    "yclid": Network("yandex", "cpc"),
    "ttclid": Network("tiktok", "cpc"),
    "twclid": Network("twitter", "cpc"),
    "li_fat_id": Network("linkedin", "cpc"),
    "sccid": Network("snapchat", "cpc"),
    "rdt_cid": Network("reddit", "cpc"),
    "epik": Network("pinterest", "cpc"),
    "qclid": Network("quora", "cpc"),
    "obclid": Network("outbrain", "cpc"),
    "tblci": Network("taboola", "cpc"),
    "vmcid": Network("yahoo", "cpc"),
    "ysclid": Network("yandex", "organic"),
    "srsltid": Network("google shopping", "organic"),
    "irclickid": Network("impact", "affiliate"),
    "cjevent": Network("cj", "affiliate"),
    "awc": Network("awin", "affiliate"),
    "fbclid": Network("facebook", ""),
    "igshid": Network("instagram", ""),
    "igsh": Network("instagram", ""),
    "mc_eid": Network("mailchimp", "email"),
    "_hsenc": Network("hubspot", "email"),
    "mkt_tok": Network("marketo", "email"),
    "vero_id": Network("vero", "email"),
    "ef_id": Network("", "cpc"),
    "s_kwcid": Network("", "cpc"),
    "wickedid": Network("", "cpc"),
}
_NO_NETWORK = Network("", "")


def arrival(campaign: Campaign, referrer: Referrer) -> Traffic:
    """The traffic of a page reached from outside by this link and from this page."""
    return Traffic(
        channel=_channel(campaign, referrer),
        referrer_host=referrer.shown_host,
        referrer=referrer.shown,
        utm_source=campaign.source,
        utm_medium=campaign.medium,
        utm_campaign=campaign.name,
        utm_term=campaign.term,
        utm_content=campaign.content,
        click_id=campaign.click_id,
    )


def _channel(campaign: Campaign, referrer: Referrer) -> str:
    network = NETWORKS.get(campaign.click_id, _NO_NETWORK)
    source = campaign.source or network.source
    medium = campaign.medium or network.medium
    if network.medium == "cpc" and _same_source(source, network.source):
        medium = "cpc"  # a paid click id decides, whatever the medium was tagged as
    if source or medium:
        category = category_of_source(source) or ("" if campaign.source else referrer.category)
        return channel_of(source, medium, campaign.name, category, tagged=bool(campaign.source))
    if referrer is NO_REFERRER or not referrer.host:
        return channel_of("", "", campaign.name, "", tagged=False) if campaign.name else DIRECT
    return channel_of(referrer.host, "referral", campaign.name, referrer.category, tagged=False)


def _same_source(source: str, network: str) -> bool:
    """`google`, `Google` and `google.com` are Google."""
    return bool(network) and network in source.lower().split(".")
