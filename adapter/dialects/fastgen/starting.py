"""Starting runs: who a new run is, and how long its caller waits."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

from adapter.dialects.fastgen.state import State
from adapter.dialects.fastgen.words import DEBUG, DIALECT
from definitions import ids
from definitions.contract import RunFacts, VersionFacts, timestamp


def run_facts(state: State, version: VersionFacts, submitted_by: str, *, debug: bool = False) -> RunFacts:
    """Who a new run is."""
    facts = state.facts
    return RunFacts(
        organisation=facts.organisation,
        dialect=DIALECT,
        run_id=ids.run_id(facts.organisation, facts.definition_id, version.number, str(uuid.uuid4())),
        definition_id=facts.definition_id,
        definition_name=facts.name,
        version_id=version.version_id,
        version_number=version.number,
        created_at=timestamp(datetime.now(timezone.utc)),
        submitted_by=submitted_by,
        queue=DEBUG if debug else None,
    )
