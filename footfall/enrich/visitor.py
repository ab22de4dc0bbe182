"""What is the same for a whole record: device, bot, place, language."""

from __future__ import annotations

from footfall.enrich.batch import NO_GEO, EnrichedBatch, Geo
from footfall.enrich.context import Context
from footfall.names import Source

# What a CDN's country header says where it does not know: unknown, Tor, and the old
# codes for "somewhere in Europe" and "somewhere in Asia".
NO_COUNTRY = frozenset({"XX", "T1", "EU", "AP", "ZZ"})


def add_device(batch: EnrichedBatch, context: Context) -> None:
    """Fill `device`."""
    record = batch.record
    batch.device = context.agents[record.user_agent, record.client_hints].device


def add_bot(batch: EnrichedBatch, context: Context) -> None:
    """Fill `bot`; a server key's events meet no bot rules. A replay brings what was found then."""
    record = batch.record
    if record.replay is not None and record.replay.bot is not None:
        batch.bot = record.replay.bot
    elif record.source != Source.SERVER:
        batch.bot = context.agents[record.user_agent, record.client_hints].bot


def add_geo(batch: EnrichedBatch, context: Context) -> None:
    """Fill `geo`: a trusted CDN's country first, the database for the rest. A replay brings what
    was found then."""
    record = batch.record
    if record.replay is not None and record.replay.geo is not None:
        batch.geo = Geo(*record.replay.geo)
        return
    found = context.places[record.address] if record.address else NO_GEO
    country = record.country.upper()
    if country == found.country or not is_country(country):
        batch.geo = found
    else:  # the two disagree: a region of another country would be nonsense
        batch.geo = Geo(country=country)


def is_country(code: str) -> bool:
    """Two ASCII capitals that name a country."""
    return len(code) == 2 and code.isascii() and code.isalpha() and code not in NO_COUNTRY


def add_language(batch: EnrichedBatch, context: Context) -> None:
    """Fill `language`."""
    header = batch.record.language
    batch.language = context.languages[header] if header else ""
