"""How to talk to runs, definitions and secrets on Temporal: the only module of `worker` that `adapter` imports.

Every method bounds its time and raises the errors of `definitions.errors`: `Unavailable` (Temporal or every worker is
away), `Overloaded`, `NotFound`, `RunClosed` and what each says besides. Nothing read after a write goes through
visibility; only `list_*` does, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.contract import (
    DefinitionFacts,
    DeliveryOutcome,
    Event,
    RunFacts,
    RunSnapshot,
    VersionFacts,
)
from definitions.model import Definition
from worker.views import RunDescription, RunPage, RunQuery

__all__ = ["RunDescription", "RunPage", "RunQuery", "TidegateClient"]


class TidegateClient:
    """One connection to Temporal; cheap to share, safe to use from many requests at once."""

    # --- runs ---
    async def start_run(
        self, definition: Definition, facts: RunFacts, input: Any = None
    ) -> tuple[RunDescription, bool]:
        """Start a run with the id that follows from `facts`; the bool tells whether this call made it.

        A run with the same id, running or closed, is returned as it is: a repeated request starts nothing.
        """
        raise NotImplementedError

    async def describe_run(self, dialect: str, organisation: str, run_id: str) -> RunDescription:
        """Raises NotFound. Needs no worker."""
        raise NotImplementedError

    async def snapshot(self, dialect: str, organisation: str, run_id: str) -> RunSnapshot:
        """State and records of an open or closed run. Needs a worker: Unavailable(part='worker') without one."""
        raise NotImplementedError

    async def deliver(
        self, dialect: str, organisation: str, run_id: str, event: Event, *, may_signal: bool = False
    ) -> DeliveryOutcome:
        """Deliver an event to a run; returns when it is durable. `event.id` is the delivery id: a repetition is answered
        with the first one's outcome. With `may_signal`, an event whose outcome the caller does not need is left as a
        signal when no worker is up.

        Raises NotFound, RunClosed, PayloadInvalid (with path), Unavailable.
        """
        raise NotImplementedError

    async def cancel_run(self, dialect: str, organisation: str, run_id: str) -> None:
        """Ask a run to stop; waits a bounded time until it has. Raises NotFound, RunClosed."""
        raise NotImplementedError

    async def resume_run(self, dialect: str, organisation: str, run_id: str, *, request_id: str = "") -> None:
        """Start a failed or cancelled run again after its last completed step, under the same id.

        Raises NotFound, NotResumable (also for the loser of two calls). The same `request_id` again succeeds.
        """
        raise NotImplementedError

    async def list_runs(self, query: RunQuery) -> RunPage:
        """Runs, newest first, through visibility: a run may show up a moment after its start."""
        raise NotImplementedError

    # --- definitions ---
    async def register_definition(
        self, dialect: str, organisation: str, name: str, *, request_id: str = ""
    ) -> DefinitionFacts:
        """Raises AlreadyExists, unless it was made by the same `request_id`."""
        raise NotImplementedError

    async def describe_definition(self, dialect: str, organisation: str, definition_id: str) -> DefinitionFacts:
        """Raises NotFound. Needs no worker."""
        raise NotImplementedError

    async def list_definitions(self, dialect: str, organisation: str) -> list[DefinitionFacts]:
        """All, A to Z by name, through visibility; a definition is listed as soon as its registration has returned."""
        raise NotImplementedError

    async def add_version(
        self,
        dialect: str,
        organisation: str,
        definition_id: str,
        text: str,
        sha256: str,
        *,
        request_id: str = "",
        unless_tag: str | None = None,
    ) -> VersionFacts:
        """Add an immutable version, number +1; or return the version tagged `unless_tag` if its hash is the same.

        The same `request_id` again returns the same version. Raises NotFound. Needs a worker.
        """
        raise NotImplementedError

    async def get_version(self, dialect: str, organisation: str, definition_id: str, number: int) -> VersionFacts:
        """Raises NotFound. Needs no worker."""
        raise NotImplementedError

    async def list_versions(self, dialect: str, organisation: str, definition_id: str) -> list[VersionFacts]:
        """All versions, newest first; not through visibility. Raises NotFound."""
        raise NotImplementedError

    async def set_tag(self, dialect: str, organisation: str, definition_id: str, tag: str, number: int) -> None:
        """Idempotent. Raises NotFound for an unknown definition or version number. Needs a worker."""
        raise NotImplementedError

    # --- secrets ---
    async def put_secret(self, organisation: str, name: str, sealed: str) -> None:
        """Keep a sealed (encrypted) secret, replacing an earlier one. Needs a worker."""
        raise NotImplementedError

    async def get_secret(self, organisation: str, name: str) -> str:
        """The sealed secret. Raises NotFound. Needs no worker."""
        raise NotImplementedError

    # --- health ---
    async def health(self) -> Mapping[str, bool]:
        """{'temporal': …, 'worker': …}: worker means that some worker polls the task queue. Never raises."""
        raise NotImplementedError
