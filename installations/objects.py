"""The mark among a stage's objects: one named `owner`. The last one to put it counts."""

from __future__ import annotations

import logging

from footfall.settings import Settings
from objects.keys import OWNER_KEY
from objects.opening import open_objects
from objects.protocol import ObjectMissing, ObjectStoreError

MAX_BYTES = 1024
PATIENCE_S = 2.0  # the mark is not worth more
logger = logging.getLogger(__name__)


class ObjectsMark:
    """See `installations.mark.Mark`."""

    setting = "FOOTFALL_OBJECTS_BUCKET"

    def __init__(self, settings: Settings, stage: str) -> None:
        self._settings = settings
        self._stage = stage
        self.where = f"objects {settings.objects_bucket}/{stage}/"

    def owner(self) -> str | None:
        """See `Mark.owner`."""
        try:
            return (
                open_objects(self._settings, self._stage, patience_s=PATIENCE_S)
                .get(OWNER_KEY, MAX_BYTES)
                .decode(errors="replace")
            )
        except ObjectMissing:
            return ""
        except ObjectStoreError as error:
            logger.info("whose %s are cannot be told: %s", self.where, error)
            return None

    def leave(self, installation: str, *, take_over: bool) -> None:  # noqa: ARG002 - whoever calls has looked
        """See `Mark.leave`. Best effort."""
        try:
            open_objects(self._settings, self._stage, patience_s=PATIENCE_S).put(OWNER_KEY, installation.encode())
        except ObjectStoreError as error:
            logger.warning("%s could not be marked: %s", self.where, error)
