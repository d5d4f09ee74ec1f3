"""The ways of running the flow that are compared: each starts a flow and sends it its event."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from bench.by_hand import EVENT, Approval, ApprovalFlow, ApprovalRequest
from bench.keep_alive import KeepAlive
from definitions import ids
from definitions.contract import Event, RunFacts, timestamp
from definitions.dialects import justworkflowit as language
from worker.client import TidegateClient

DEFINITION = Path(__file__).resolve().parent.parent / "definitions/library/justworkflowit/approval-flow.json"
NAME = "approval-flow"


class Row(Protocol):
    """One way of running the flow. `pids` are the processes it uses, besides the generator; a job is its id."""

    name: str
    pids: Mapping[str, int]

    @property
    def repeated(self) -> int:
        """Requests sent again so far, since the server had asked for that."""
        ...

    async def start(self) -> str:
        """Start a flow; its job id, as the called functions see it."""
        ...

    async def send(self, job: str) -> None:
        """Send the event; returns once it is acknowledged."""
        ...

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        """Temporal's view of the flow: for what is looked at beside the measuring."""
        ...

    def close(self) -> None: ...


def _now() -> str:
    return timestamp(datetime.now(timezone.utc))


@dataclass
class ByHand:
    """Temporal's own client; `attributes` are those of `bench.by_hand` and the four that are known at the start."""

    name: str
    pids: Mapping[str, int]
    client: Client
    task_queue: str
    attributes: bool
    repeated: int = 0

    def __post_init__(self) -> None:
        pairs = {"TidegateDialect": "by-hand", "TidegateOrganisation": "bench", "TidegateDefinition": NAME}
        found = [SearchAttributePair(SearchAttributeKey.for_keyword(key), value) for key, value in pairs.items()]
        version = SearchAttributePair(SearchAttributeKey.for_int("TidegateVersion"), 1)
        self._known = TypedSearchAttributes([*found, version])
        self._numbers = itertools.count()

    async def start(self) -> str:
        job = str(uuid.uuid4())
        await self.client.start_workflow(
            ApprovalFlow.run,
            ApprovalRequest(f"PR-{next(self._numbers)}", "bench", self.attributes),
            id=job,
            task_queue=self.task_queue,
            static_summary=f"{NAME} v1",
            search_attributes=self._known if self.attributes else None,
        )
        return job

    async def send(self, job: str) -> None:
        handle = self.client.get_workflow_handle(job)
        await handle.execute_update(ApprovalFlow.approve, Approval(approved=True))

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(job)

    def close(self) -> None:
        return None


class OverHttp:
    """The documented HTTP API: definition, tag, jobs and events as any client of the vendor sends them."""

    def __init__(self, name: str, pids: Mapping[str, int], client: Client, url: str) -> None:
        self.name, self.pids = name, pids
        self._client = client
        self._http = KeepAlive(url)
        self._organisation = str(uuid.uuid4())
        self._base = f"/organizations/{self._organisation}"
        self._numbers = itertools.count()
        self._workflow = ""

    @property
    def repeated(self) -> int:
        return self._http.repeated

    async def register(self) -> None:
        """Register the flow's definition and tag it."""
        call, base = self._http.call, self._base
        self._workflow = (await call("POST", f"{base}/workflows", {"name": NAME}))["workflowId"]
        versions = f"{base}/workflows/{self._workflow}/versions"
        version = await call("POST", versions, {"definition": DEFINITION.read_text(encoding="utf-8")})
        tag = f"{base}/workflows/{self._workflow}/tags/$LIVE"
        await call("PUT", tag, {"versionId": version["versionId"]})

    async def start(self) -> str:
        version, given = {"tag": "$LIVE"}, {"prId": f"PR-{next(self._numbers)}"}
        body = {"workflowId": self._workflow, "workflowVersion": version, "inputJson": given}
        return str((await self._http.call("POST", f"{self._base}/jobs", body))["jobId"])

    async def send(self, job: str) -> None:
        event = {"eventId": EVENT, "payload": {"approved": True}}
        await self._http.call("POST", f"{self._base}/jobs/{job}/events", event)

    async def status(self, job: str) -> str:
        """The job's status in the vendor's words."""
        return str((await self._http.call("GET", f"{self._base}/jobs/{job}"))["job"]["status"])

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        workflow_id = ids.run_workflow_id(language.DIALECT, self._organisation, job)
        return self._client.get_workflow_handle(workflow_id)

    def close(self) -> None:
        self._http.close()


class Direct:
    """Tidegate's interpreter driven by its own client in the generator: what is left without the HTTP front."""

    repeated = 0

    def __init__(self, name: str, pids: Mapping[str, int], client: Client, task_queue: str) -> None:
        self.name, self.pids = name, pids
        self._tidegate = TidegateClient(client, task_queue)
        self._organisation = str(uuid.uuid4())
        self._definition = language.compile_text(DEFINITION.read_text(encoding="utf-8"))
        self._numbers = itertools.count()

    async def start(self) -> str:
        definition_id = ids.definition_id(language.DIALECT, self._organisation, NAME)
        number = next(self._numbers)
        facts = RunFacts(
            organisation=self._organisation,
            dialect=language.DIALECT,
            run_id=ids.run_id(self._organisation, definition_id, 1, number),
            definition_id=definition_id,
            definition_name=NAME,
            version_id=ids.version_id(definition_id, 1),
            version_number=1,
            created_at=_now(),
        )
        await self._tidegate.start_run(self._definition, facts, {"prId": f"PR-{number}"})
        return facts.run_id

    async def send(self, job: str) -> None:
        event = Event(str(uuid.uuid4()), EVENT, {"approved": True}, has_payload=True, received_at=_now())
        await self._tidegate.deliver(language.DIALECT, self._organisation, job, event)

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        workflow_id = ids.run_workflow_id(language.DIALECT, self._organisation, job)
        return self._tidegate.temporal.get_workflow_handle(workflow_id)

    def close(self) -> None:
        return None
