"""Starting runs of workflows, and what their first action has come to."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from adapter.dialects.jsworkflows.state import State
from adapter.dialects.jsworkflows.words import DIALECT, TEST
from definitions import ids
from definitions.contract import BranchOutcome, RunFacts, VersionFacts, first_branch, timestamp
from definitions.dialects import jsworkflows as language
from worker.client import TidegateClient


def run_facts(state: State, version: VersionFacts, submitted_by: str, *, test: bool = False) -> RunFacts:
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
        queue=TEST if test else None,
    )


async def started(client: TidegateClient, workflow_id: str, seconds: float) -> BranchOutcome:
    """What the first action of a run has come to; `pending` if it takes longer."""
    return await client.branch_outcome(workflow_id, first_branch(language.STEP), seconds)


def result_of(outcome: BranchOutcome) -> tuple[Any, dict[str, Any] | None]:
    """The value that an action gave, and the HTTP response that it gave instead of one."""
    output = outcome.output if isinstance(outcome.output, dict) else {}
    return output.get("value"), output.get("response")
