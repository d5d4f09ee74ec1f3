"""Who a run is that somebody starts now."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from definitions import ids
from definitions.contract import DefinitionFacts, RunFacts, VersionFacts, timestamp


def new_run(
    definition: DefinitionFacts, version: VersionFacts, submitted_by: str, *, queue: str | None = None
) -> RunFacts:
    """The facts of a run that is like no other; `queue` is what the caller calls the queue it is in."""
    return RunFacts(
        organisation=definition.organisation,
        dialect=definition.dialect,
        run_id=ids.run_id(definition.organisation, definition.definition_id, version.number, str(uuid.uuid4())),
        definition_id=definition.definition_id,
        definition_name=definition.name,
        version_id=version.version_id,
        version_number=version.number,
        created_at=timestamp(datetime.now(timezone.utc)),
        submitted_by=submitted_by,
        queue=queue,
    )
