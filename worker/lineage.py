"""Which definitions led to a run, along events and as parents: counted, so that an endless loop is noticed."""

from __future__ import annotations

from definitions.contract import RunFacts

#: Definitions that are counted. Of a longer chain the oldest are forgotten, which a loop's own never are for long.
LINEAGE_LIMIT = 500


def extended(facts: RunFacts) -> dict[str, int]:
    """The lineage of what a run starts: its own, and itself. What was counted last is last."""
    lineage = dict(facts.lineage)
    lineage[facts.definition_id] = lineage.pop(facts.definition_id, 0) + 1
    surplus = len(lineage) - LINEAGE_LIMIT
    return dict(list(lineage.items())[surplus:]) if surplus > 0 else lineage
