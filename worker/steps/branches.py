"""`branches`: actions, each an activity; what one plans (another after a delay, or when a link is called) is a branch.

A branch has an id, `<branch that planned it>.<number of the plan>`, which is also that of its link's wait. So an action
can make links before it ends, and one that is repeated, since its worker was lost, makes the same. The call of a link
whose action has not ended is kept by the wait machine.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from definitions.contract import RUN_ACTION, ActionCall, ActionResult, CallContext, Plan, timestamp
from definitions.ids import digest
from definitions.model import BranchesStep
from worker.attributes import short
from worker.state import Frame, size
from worker.steps.base import Done, StepFailed, Visit, raise_if_stopped, stop
from worker.steps.call import HEARTBEAT_TIMEOUT, LOST_WORKERS_LIMIT
from worker.waits import OpenWait

#: Actions of one run at a time, its open branches, and how many plans may lead to one another.
ACTIONS_AT_ONCE = 10
BRANCHES_LIMIT = 1_000
DEPTH_LIMIT = 10_000
#: Characters of a branch's id beyond which those that follow from it are shortened.
LONGEST_ID = 60
#: Bytes of what one action gives: it is kept with the record of the action.
OUTPUT_BYTES = 400_000
#: Seconds that an action may wait for its turn on a busy worker, beyond the time that it has.
TURN_SECONDS = 300.0
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))

#: A branch as it is carried: {action, data, headers, depth, visit, since, until, link, at}.
Branch = dict[str, Any]


@dataclass(frozen=True)
class ActionVisit(Visit):
    """One run of one action."""

    branch: str = ""

    @property
    def id(self) -> str:
        return self.branch


async def run(visit: Visit, step: BranchesStep) -> Done:
    memory = visit.frame.memory
    if "branches" not in memory:
        memory["branches"], memory["first"] = {}, None
        given = visit.input if isinstance(visit.input, dict) else {}
        _add(visit, _first(visit), step.first, 0, data=given.get("data"), headers=given.get("headers") or {})
    driver = Driver(visit, step)
    try:
        await driver.drive()
    except StepFailed as error:
        await _hook(visit, step, step.failed if error.code not in _WITHOUT_HOOK else None, error.message)
        raise
    await _hook(visit, step, step.completed, None)
    return Done(memory["first"])


#: Failures that are none of an action.
_WITHOUT_HOOK = frozenset({"link-expired"})


def take_up(visit: Visit) -> None:
    """Give the waits of links that were carried over their rules."""
    for branch_id, branch in visit.frame.memory.get("branches", {}).items():
        if branch["link"] and visit.run.waits.is_open(branch_id):
            _open(visit, branch_id, branch)


class Driver:
    """Follows all branches, each in a task of its own, until none is left or one fails."""

    def __init__(self, visit: Visit, step: BranchesStep) -> None:
        self._visit = visit
        self._step = step
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(ACTIONS_AT_ONCE)
        self._acting: set[str] = set()
        self._failure: StepFailed | None = None
        self._new = list(visit.frame.memory["branches"])

    async def drive(self) -> None:
        branches = self._visit.frame.memory["branches"]
        try:
            while branches and self._failure is None:
                for branch_id in self._new:
                    self._tasks[branch_id] = asyncio.ensure_future(self._follow(branch_id))
                self._new = []
                await workflow.wait_condition(lambda: bool(self._new) or not branches or self._failure is not None)
            if self._failure is not None:
                self._take_no_more()
                # What is at work is not torn apart; what waits does not begin.
                await stop([task for branch_id, task in self._tasks.items() if branch_id not in self._acting])
                await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        except asyncio.CancelledError:
            await stop(list(self._tasks.values()))
            raise
        if self._failure is not None:
            raise self._failure

    def _take_no_more(self) -> None:
        """Whoever calls a link from now on is refused: nothing would come of it, however long other actions take."""
        waits = self._visit.run.waits
        for branch_id in self._visit.frame.memory["branches"]:
            waits.close(branch_id)
            waits.expect_no_more(_opener(branch_id))

    async def _follow(self, branch_id: str) -> None:
        try:
            branch = self._visit.frame.memory["branches"][branch_id]
            await (_called if branch["link"] else _due)(self._visit, branch_id, branch)
            async with self._turns:
                await self._visit.run.gate()
                if self._failure is None:
                    await self._act(branch_id, branch)
        except StepFailed as error:
            self._failure = self._failure or error
        finally:
            self._tasks.pop(branch_id, None)

    async def _act(self, branch_id: str, branch: Branch) -> None:
        visit, opener = _inner(self._visit, branch_id, branch), _opener(branch_id)
        self._acting.add(branch_id)
        self._visit.run.waits.expect(opener)
        try:
            result = await _activity(visit, _call(visit, self._step, branch), self._step)
            self._ended(visit, branch, result)
        finally:
            self._acting.discard(branch_id)
            self._visit.run.action_ended(opener)

    def _ended(self, visit: ActionVisit, branch: Branch, result: ActionResult) -> None:
        """All that follows from an action's end, in one turn."""
        memory, output = self._visit.frame.memory, {"value": result.value}
        if result.response is not None:
            output["response"] = result.response
        error = result.error
        if error is None and size(output) > OUTPUT_BYTES:
            result.code, error = "result-too-large", f"an action may give {OUTPUT_BYTES} bytes"
        done = None if error is not None else Done(output, logs=result.logs)
        failed = None if error is None else StepFailed(result.code or "action-threw", error, result.logs)
        self._visit.run.recorded(visit, done, failed)
        self._visit.run.changed()
        if failed is not None and not result.plans:
            raise StepFailed(failed.code, failed.message)
        del memory["branches"][visit.branch]
        if visit.branch == _first(self._visit):
            memory["first"] = output if done else None
        for plan in result.plans:
            self._plan(visit.branch, branch, plan)

    def _plan(self, planned_by: str, branch: Branch, plan: Plan) -> None:
        branch_id, outer = f"{_opener(planned_by)}.{plan.number}", self._visit
        now = outer.run.now()
        if len(outer.frame.memory["branches"]) >= BRANCHES_LIMIT:
            raise StepFailed("too-many-branches", f"a run may have {BRANCHES_LIMIT} branches at a time")
        if branch["depth"] >= DEPTH_LIMIT:
            raise StepFailed("too-deep", f"{DEPTH_LIMIT} actions may lead to one another")
        link = plan.kind == "link"
        until = plan.expires_at if link else timestamp(now + timedelta(seconds=plan.seconds))
        added = _add(outer, branch_id, plan.action, branch["depth"] + 1, data=plan.payload, until=until, link=link)
        outer.run.keep(plan.payload)
        if link and self._failure is None:
            _open(outer, branch_id, added)
        self._new.append(branch_id)


def _first(visit: Visit) -> str:
    """The id of the first branch, which is not that of the step's visit."""
    return f"{visit.id}.0"


def _opener(branch_id: str) -> str:
    """What the ids of a branch's plans begin with: of a long chain not all of it."""
    step = branch_id.partition("#")[0].partition("~")[0]
    return branch_id if len(branch_id) <= LONGEST_ID else f"{step}~{digest(branch_id).hex()[:16]}"


def _add(visit: Visit, branch_id: str, action: str, depth: int, **more: Any) -> Branch:
    key = f"{visit.name}/{action}"
    visits = visit.frame.visits
    visits[key] = visits.get(key, 0) + 1
    branch = {"action": action, "depth": depth, "visit": visits[key], "since": timestamp(visit.run.now())}
    visit.frame.memory["branches"][branch_id] = branch | {"headers": {}, "until": None, "link": False} | more
    return visit.frame.memory["branches"][branch_id]  # type: ignore[no-any-return]


def _inner(visit: Visit, branch_id: str, branch: Branch) -> ActionVisit:
    frame = Frame(cursor=None, entered_at=timestamp(visit.run.now()), turn=visit.frame.turn)
    outer = (*visit.outer, visit.frame)
    name = f"{visit.name}/{branch['action']}"
    return ActionVisit(
        visit.run, name, branch["visit"], visit.path, frame, outer, branch["action"], None, branch=branch_id
    )


# --- what a branch waits for ---


async def _due(visit: Visit, branch_id: str, branch: Branch) -> None:
    if branch["until"] is not None:
        remaining = _moment(branch["until"]) - visit.run.now()
        if remaining > timedelta():
            visit.run.pace.rested()
            await workflow.sleep(remaining, summary=short(f"{branch['action']} at {branch['until']}"))
        branch["until"] = None


def _open(visit: Visit, branch_id: str, branch: Branch) -> OpenWait:
    wait = OpenWait(
        id=branch_id,
        step=f"{visit.step}/{branch['action']}",
        visit=branch["visit"],
        events=[branch["action"]],
        need=1,
        since=branch["since"],
        deadline=branch["until"],
        on_deadline="fail",
        next=branch["action"],
    )
    return visit.run.waits.open(wait)


async def _called(visit: Visit, branch_id: str, branch: Branch) -> None:
    """Park until the link is called: what its caller sent is then in the action's data, as `event`."""
    wait = _open(visit, branch_id, branch)
    if not wait.decided:
        visit.run.parked(visit, wait)
        remaining = _moment(branch["until"]) - visit.run.now()
        if remaining > timedelta():
            summary = short(f"until {branch['until']}: {branch['action']}")
            # A call of the same turn counts: messages are applied before timers.
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: wait.decided, timeout=remaining, timeout_summary=summary)
    visit.run.waits.close(branch_id)
    visit.run.released(wait)
    if not wait.satisfied:
        raise StepFailed("link-expired", f"the link for {branch['action']} expired at {branch['until']}")
    payload = branch["data"] if isinstance(branch["data"], dict) else {}
    branch["data"] = {**payload, "event": wait.received[0].payload}
    branch["link"], branch["until"] = False, None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# --- the activity ---


def _call(visit: ActionVisit, step: BranchesStep, branch: Branch) -> ActionCall:
    return ActionCall(
        context=visit.call_context(),
        action=branch["action"],
        branch=_opener(visit.branch),
        data=branch["data"],
        headers=branch["headers"],
        depth=branch["depth"],
        **_code(step),
    )


def _code(step: BranchesStep) -> dict[str, Any]:
    return {
        "shim": step.shim,
        "source": step.source,
        "operations": step.operations,
        "test": step.test,
        "secrets": step.secrets,
        "timeout": step.timeout,
    }


async def _activity(visit: Visit, call: ActionCall, step: BranchesStep) -> ActionResult:
    for _ in range(LOST_WORKERS_LIMIT):
        try:
            with visit.run.working():
                await visit.run.pace.room(size(call.data) + size(call.source) + size(call.operations))
                result: ActionResult = await workflow.execute_activity(
                    RUN_ACTION,
                    call,
                    result_type=ActionResult,
                    start_to_close_timeout=timedelta(seconds=step.timeout + TURN_SECONDS),
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    retry_policy=RETRY,
                    summary=short(call.action),
                )
            return result
        except ActivityError as error:
            raise_if_stopped(error)
            cause = error.cause
            if isinstance(cause, ApplicationError):
                return ActionResult(error=cause.message, code=cause.type or "action-failed")
            if not (isinstance(cause, TimeoutError) and cause.type == TimeoutType.HEARTBEAT):
                return ActionResult(error=str(cause or error), code="action-failed")
    return ActionResult(error=f"{LOST_WORKERS_LIMIT} workers in a row were lost", code="worker-lost")


async def _hook(visit: Visit, step: BranchesStep, action: str | None, error: str | None) -> None:
    """Run what the definition wants at the end; whatever comes of it changes nothing."""
    if action is None:
        return
    memory = visit.frame.memory
    if "hook" not in memory:
        memory["hook"] = f"{visit.id}/{action}"
        branch = {"action": action, "visit": visit.number}
        inner = _inner(visit, memory["hook"], branch)
        context: CallContext = inner.call_context()
        call = replace(ActionCall(context, action, memory["hook"], **_code(step)), hook=True, error=error)
        try:
            result = await _activity(inner, call, step)
        finally:
            visit.run.action_ended(memory["hook"])
        if result.error is None:
            visit.run.recorded(inner, Done({"value": None}, logs=result.logs))
        else:
            visit.run.recorded(inner, None, StepFailed(result.code or "action-threw", result.error, result.logs))
