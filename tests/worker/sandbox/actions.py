"""Actions as the activity runs them, beside services that keep what was asked."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.testing import ActivityEnvironment

from definitions.contract import ActionCall, ActionResult, CallContext, StoreChange
from definitions.errors import NotFound
from definitions.links import Link, verify
from definitions.tokens import TokenKeys
from tests.worker.sandbox.calls import CLASSES
from worker.action_activity import ActionActivities
from worker.action_host import Means
from worker.activities.executor import Tools
from worker.claims import Claim
from worker.http_client import HttpClient
from worker.http_guard import HttpGuard
from worker.run_store import RunStore
from worker.sandbox.runner import Sandbox
from worker.secrets import SecretBox, new_key
from worker.settings import Settings
from worker.state import StoredValues

KEYS = TokenKeys(["these-tests-sign-links-with-this-key"])
PUBLIC_URL = "https://tidegate.test"
CONTEXT = CallContext("org", "native", "wf-1", "run-1", "def-1", "approval", "w/start", 1, "run-1/w/start/1")
#: Far from this machine's own time: only the server's counts.
ASKED_AT = datetime(2031, 1, 1, tzinfo=timezone.utc)


class Services:
    """One run's store, the claims of an organisation, and its secrets."""

    def __init__(self) -> None:
        self.changes: list[StoreChange] = []
        self.store = RunStore(StoredValues())
        self.claims: dict[tuple[str, str, str, str], str] = {}
        self.times: list[float] = []
        self.refusals: list[Exception] = []
        self.pauses: list[float] = []
        self.box = SecretBox([new_key()])
        self.secrets: dict[tuple[str, str], str] = {}

    def keep_secret(self, name: str, value: str) -> None:
        self.secrets["org", name] = self.box.seal("org", name, value)

    async def secret(self, organisation: str, name: str) -> str:
        if self.refusals:
            raise self.refusals.pop(0)
        if (organisation, name) not in self.secrets:
            raise NotFound("no such secret")
        return self.secrets[organisation, name]

    async def use_run_store(self, workflow_id: str, change: StoreChange) -> Any:
        if self.refusals:
            raise self.refusals.pop(0)
        assert workflow_id == "wf-1"
        if self.pauses:
            await asyncio.sleep(self.pauses.pop(0))
        self.changes.append(change)
        return self.store.apply(change)

    async def claim(
        self, dialect: str, organisation: str, scope: str, key: str, ttl: float, content_hash: str, run_id: str
    ) -> Claim:
        place = (dialect, organisation, scope, key)
        fresh = place not in self.claims
        self.times.append(ttl)
        return Claim(run_id, self.claims.setdefault(place, content_hash), fresh, ASKED_AT)


class Actions:
    """A worker's activity, as called by one run."""

    def __init__(self, sandbox: Sandbox, **means: Any) -> None:
        self.services = Services()
        http = HttpClient(HttpGuard((), means.pop("private", True)), rewrite=means.pop("rewrite", ()))
        tools = Tools(Settings(), http, self.services.secret, self.services.box)
        shared = {"keys": KEYS, "public_url": PUBLIC_URL, "oauth": {"MY_SLACK": "xoxb-of-slack"}, **means}
        self._activities = ActionActivities(sandbox, tools, Means(http, self.services, **shared), 256_000_000)

    async def call(self, call: ActionCall, *, started: float = 1.0) -> ActionResult:
        """`started` is in seconds after the call was asked for."""
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(
            environment.info, scheduled_time=ASKED_AT, started_time=ASKED_AT + timedelta(seconds=started)
        )
        result: ActionResult = await environment.run(self._activities.run_action, call)
        return result

    async def run(self, source: str, action: str = "start", started: float = 1.0, **changes: Any) -> ActionResult:
        return await self.call(class_call(source, action, **changes), started=started)

    async def start(self, body: str, **changes: Any) -> ActionResult:
        """Run a class whose `start` has this body; it has a method `next` too."""
        return await self.run(starting(body), **changes)


def class_call(source: str, action: str = "start", **changes: Any) -> ActionCall:
    given = {"branch": "w#1", "timeout": 20.0, "shim": CLASSES, "source": source, **changes}
    return ActionCall(context=CONTEXT, action=action, **given)


def operations_call(*operations: dict[str, Any], action: str = "start", **changes: Any) -> ActionCall:
    given = {"branch": "w#1", "timeout": 20.0, "operations": {"start": list(operations), "next": []}, **changes}
    return ActionCall(context=CONTEXT, action=action, **given)


def starting(body: str) -> str:
    start = f"async start(data, headers, api) {{ {body} }}"
    return f"export class Workflow {{ {start}\n async next(data, headers, api) {{}} }}"


def read(token: str, at: datetime = ASKED_AT) -> Link:
    return verify(KEYS, token, now=at)


def body_of(result: ActionResult) -> bytes:
    assert result.response is not None
    return base64.b64decode(result.response["body"])
