"""Runs that hand out links, made of operations: for tests of what a call of a link does, on a real stack."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from definitions.contract import BranchOutcome, RunSnapshot
from definitions.links import PATH, Link, verify
from definitions.tokens import TokenKeys
from tests.conformance.stack import TOKEN_KEYS
from tests.running import DIALECT, Runs
from worker.client import TidegateClient

Json = dict[str, Any]
FIRST = "w#1.0"


def operation(op: str, value: Any = None, **more: Any) -> Json:
    """One operation whose input is JSON with `${…}` in it."""
    given = {} if value is None else {"input": {"language": "path", "source": value}}
    return {"op": op, **given, **more}


def waits_for(action: str, **link: Any) -> list[Json]:
    """Operations that make a link and give its URL."""
    asked = {"action": action, "payload": {"orderId": "1001"}, "seconds": 3600, **link}
    return [operation("link", asked, **{"as": "link"}), operation("return", "${link.resumeUrl}")]


#: An action that keeps count of itself in the run's store, and gives what it has been given.
COUNTED = [
    operation("store", {"operation": "push", "key": "seen", "value": "${data.event}"}),
    operation("return", "${data}"),
]


@dataclass
class Linked:
    """Runs of one organisation."""

    tidegate: TidegateClient
    organisation: str = field(default_factory=lambda: f"org-{uuid.uuid4()}")
    keys: tuple[str, ...] = TOKEN_KEYS

    async def link(self, actions: dict[str, list[Json]] | None = None, **link: Any) -> str:
        """The URL of a new run's link. Its action is `on`, which the counted one is unless `actions` say otherwise."""
        operations = {"start": waits_for("on", **link), "on": COUNTED, **(actions or {})}
        runs = Runs(self.tidegate, self.organisation)
        run_id = await runs.start({"start": "w", "steps": {"w": {"kind": "branches", "operations": operations}}})
        outcome = await self.tidegate.branch_outcome(runs.handle(run_id).id, FIRST, 20)
        assert outcome.state == "success", outcome
        return str(outcome.output["value"])

    async def outcome(self, url: str, seconds: float = 20) -> BranchOutcome:
        """What became of the link's action."""
        link = self._of(url)
        return await self.tidegate.branch_outcome(link.workflow_id, link.wait, seconds)

    async def snapshot(self, url: str) -> RunSnapshot:
        """The link's run."""
        run_id = self._of(url).workflow_id.rpartition("/")[2]
        return await self.tidegate.snapshot(DIALECT, self.organisation, run_id)

    def _of(self, url: str) -> Link:
        return verify(TokenKeys(self.keys), url.rpartition(PATH)[2], now=datetime.now(timezone.utc))
