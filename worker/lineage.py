"""Which definitions led to a run, along events and as parents: counted, so that an endless loop is noticed."""

from __future__ import annotations

from definitions.contract import RunFacts

#: Definitions that are counted. Of a longer chain those are forgotten that were met least often; a loop's are not.
LINEAGE_LIMIT = 500


def extended(facts: RunFacts) -> dict[str, int]:
    """The lineage of what a run starts: its own, and itself."""
    own = facts.definition_id
    others = sorted(((count, one) for one, count in facts.lineage.items() if one != own), reverse=True)
    kept = {one: count for count, one in others[: LINEAGE_LIMIT - 1]}
    return {**kept, own: facts.lineage.get(own, 0) + 1}
