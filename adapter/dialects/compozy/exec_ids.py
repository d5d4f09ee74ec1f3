"""Ids of executions, signals and events. Look-ups take any text: what is no such id names nothing."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from definitions import ksuids
from definitions.contract import RunFacts
from definitions.errors import NotFound

NO_EXECUTION = "execution not found"


def new() -> str:
    """An id that nobody has."""
    return ksuids.ksuid(datetime.now(timezone.utc), os.urandom(16))


def of_run(facts: RunFacts) -> str:
    """An execution's id."""
    return ksuids.of_run(facts.run_id, facts.created_at)


def run_id(text: str) -> str:
    """The run of an execution's id. Raises NotFound for any other text."""
    found = ksuids.run_id(text)
    if found is None:
        raise NotFound(NO_EXECUTION)
    return found
