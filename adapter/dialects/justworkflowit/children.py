"""Whether jobs of a version can have children at all, so that reading most jobs needs no search for them."""

from __future__ import annotations

from definitions.contract import RunFacts
from definitions.dialects import justworkflowit as language
from definitions.model import ChildrenStep
from worker.client import TidegateClient, team_executors


async def may_have_children(client: TidegateClient, organisation: str, facts: RunFacts) -> bool:
    """Whether a step of the job's version starts child jobs. Versions and what they compile to are cached."""
    version = await client.get_version(facts.dialect, organisation, facts.definition_id, facts.version_number)
    steps = language.compile_text(version.text, executors=team_executors()).body.steps.values()
    return any(isinstance(step, ChildrenStep) for step in steps)
