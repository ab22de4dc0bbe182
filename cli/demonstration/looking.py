"""Where one's own clicks in the demo shop are."""

from __future__ import annotations

from cli.importer.summary import curl
from footfall.names import database_name
from footfall.settings import Settings

NEWEST_CLICKS = (
    "SELECT received_at, name, path, element_text, visitor_id FROM {}.events_v1 ORDER BY received_at DESC "
    "LIMIT 20 FORMAT PrettyCompact"
)


def clicks_told(settings: Settings, shop: str) -> str:
    """What to type to see them: events from localhost are of the stage for development, apart from real ones."""
    if not settings.dev_stage:
        return (
            "Events from localhost are refused here, since FOOTFALL_DEV_STAGE is empty: the shop works, and "
            "nothing comes of it."
        )
    of_dev = settings.model_copy(update={"stage": settings.dev_stage})
    return (
        f"Your clicks in {shop}/ are in {database_name(settings.dev_stage)}, within two seconds once you have "
        f"answered its banner\n(events from localhost are kept apart, as stage {settings.dev_stage}):\n"
        f"  {curl(of_dev, NEWEST_CLICKS)}"
    )
