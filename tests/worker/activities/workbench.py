"""Executors run as the worker runs them: as activities, with real servers on the other side."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from definitions.contract import Call, CallContext
from definitions.errors import NotFound
from worker.activities import Executor
from worker.activities.activity import build_activities
from worker.activities.executor import Tools
from worker.http_client import HttpClient
from worker.http_guard import HttpGuard
from worker.secrets import SecretBox, new_key
from worker.settings import Settings

Stored = dict[tuple[str, str], str]


def call(config: Mapping[str, Any], *given: Any, secrets: Mapping[str, str] | None = None, org: str = "acme") -> Call:
    """A call as the interpreter makes it; `given` is the input, if there is any."""
    context = CallContext(
        organisation=org,
        dialect="toy",
        workflow_id="toy/0/run/run-1",
        run_id="run-1",
        definition_id="definition-1",
        definition_name="orders",
        step="pay",
        visit=2,
        idempotency_key="run-1/pay/2",
    )
    payload = given[0] if given else None
    return Call(dict(config), context, has_input=bool(given), input=payload, secrets=dict(secrets or {}))


class Bench:
    """Runs executors in an activity environment. `stored` are sealed secrets by (organisation, name)."""

    def __init__(self) -> None:
        self.stored: Stored = {}
        self.box = SecretBox([new_key()])
        self.settings = Settings(dev=True, http_allow_private=True)
        self.executors: Mapping[str, Executor] | None = None
        self.heartbeat_seconds = 3.0
        self.environment = ActivityEnvironment()
        self.step_timeout(20)
        self._tools: Tools | None = None

    def configure(self, **changes: Any) -> None:
        self.settings = dataclasses.replace(self.settings, **changes)

    def step_timeout(self, seconds: float) -> None:
        timeout = timedelta(seconds=seconds)
        self.environment.info = dataclasses.replace(self.environment.info, start_to_close_timeout=timeout)

    def seal(self, name: str, value: str, org: str = "acme") -> None:
        self.stored[org, name] = self.box.seal(org, name, value)

    @property
    def tools(self) -> Tools:
        if self._tools is None:
            guard = HttpGuard(self.settings.http_allow_hosts, self.settings.http_allow_private)
            self._tools = Tools(self.settings, HttpClient(guard), self._secret, self.box)
        return self._tools

    def use(self, tools: Tools) -> None:
        self._tools = tools

    async def _secret(self, organisation: str, name: str) -> str:
        if (organisation, name) not in self.stored:
            raise NotFound("no such secret")
        return self.stored[organisation, name]

    async def run(self, executor: str, the_call: Call) -> Any:
        found = build_activities(self.tools, self.executors, heartbeat_seconds=self.heartbeat_seconds)
        named = {activity._Definition.must_from_callable(one).name: one for one in found}
        function: Callable[[Call], Awaitable[Any]] = named[executor]
        return await self.environment.run(function, the_call)

    async def failure(self, executor: str, the_call: Call) -> ApplicationError:
        """The failure that the call ends with."""
        with pytest.raises(ApplicationError) as caught:
            await self.run(executor, the_call)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        return caught.value
