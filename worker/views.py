"""What is read of runs: one run, the question to a list, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from definitions.contract import RunFacts, RunStatus


@dataclass(frozen=True)
class RunDescription:
    """One run as Temporal knows it now. `updated_at` is the latest moment that is known without a worker."""

    workflow_id: str
    temporal_run_id: str
    status: RunStatus
    facts: RunFacts
    started_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    #: Since when it waits for an event; None: it does not, or the namespace has no search attribute that tells.
    waiting_since: datetime | None = None


@dataclass(frozen=True)
class RunQuery:
    """What a list of runs asks for. None: not asked. `definition_ids` None: any.

    `definitions_of` says in words what `definition_ids` were chosen by. A page token then belongs to those words, and
    holds though a definition has come or gone since the page before.
    """

    dialect: str
    organisation: str
    status: RunStatus | None = None
    definition_ids: Sequence[str] | None = None
    version_number: int | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    child: bool | None = None
    parent_workflow_id: str | None = None
    page_size: int = 25
    page_token: str | None = None
    definitions_of: str | None = None
    #: Another status that is asked for beside `status`.
    or_status: RunStatus | None = None
    #: Only runs that wait for an event, or that do not; needs the search attributes.
    waiting: bool | None = None


@dataclass(frozen=True)
class RunPage:
    """`total` ignores paging. `next_page_token` is opaque, None on the last page."""

    runs: list[RunDescription] = field(default_factory=list)
    next_page_token: str | None = None
    total: int = 0
