"""Starting runs of workflows, and what their first action has come to."""

from __future__ import annotations

from typing import Any

from adapter.dialects.jsworkflows.state import State
from adapter.dialects.jsworkflows.words import TEST
from adapter.new_runs import new_run
from definitions.contract import BranchOutcome, RunFacts, VersionFacts, first_branch
from definitions.dialects import jsworkflows as language
from worker.client import TidegateClient


def run_facts(state: State, version: VersionFacts, submitted_by: str, *, test: bool = False) -> RunFacts:
    """Who a new run is."""
    return new_run(state.facts, version, submitted_by, queue=TEST if test else None)


async def started(client: TidegateClient, workflow_id: str, seconds: float) -> BranchOutcome:
    """What the first action of a run has come to; `pending` if it takes longer."""
    return await client.branch_outcome(workflow_id, first_branch(language.STEP), seconds)


def result_of(outcome: BranchOutcome) -> tuple[Any, dict[str, Any] | None]:
    """The value that an action gave, and the HTTP response that it gave instead of one."""
    output = outcome.output if isinstance(outcome.output, dict) else {}
    return output.get("value"), output.get("response")
