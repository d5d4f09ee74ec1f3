"""One file per kind of step; this table is all that the interpreter knows of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from worker.steps import (
    assign,
    branches,
    call,
    children,
    code,
    each,
    end,
    group,
    parallel,
    publish,
    route,
    send,
    sleep,
    store,
    wait,
)
from worker.steps.base import Done, Visit

#: Kind -> what runs it. A runner raises StepFailed, or RunEnded.
STEPS: dict[str, Callable[[Visit, Any], Awaitable[Done]]] = {
    "call": call.run,
    "assign": assign.run,
    "wait": wait.run,
    "send": send.run,
    "publish": publish.run,
    "store": store.run,
    "code": code.run,
    "branches": branches.run,
    "sleep": sleep.run,
    "children": children.run,
    "parallel": parallel.run,
    "each": each.run,
    "group": group.run,
    "route": route.run,
    "end": end.run,
}
