"""Recorded histories of every release replay on today's code: what was parked then goes on.

When one fails, the change at hand breaks open runs: guard it with `workflow.patched`, and never record anew to make it
pass. New histories are recorded for a new release only.
"""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from definitions import contract
from tests.histories.flows import FLOWS
from worker.catalog import ENTITY_WORKFLOWS
from worker.interpreter import TidegateRun
from worker.mailbox import TidegateMailbox
from worker.resume import TidegateResume

HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("v*/*.json"))
#: Of the first release; a name that is not here was lost.
V0_1_0 = {
    "approval-flow", "attempts", "branches-chain", "branches-fan-out", "branches-hooks-completed",
    "branches-hooks-failed", "branches-store-1", "branches-store-2", "cancelled", "children-child", "children-parent-1",
    "children-parent-2", "code", "code-throws", "continue-as-new-1", "continue-as-new-2", "continue-as-new-suggested-1",
    "continue-as-new-suggested-2", "correlated-all", "correlated-all-by-signal", "correlated-all-cancelled",
    "correlated-all-taken", "correlated-continue-as-new-1", "correlated-continue-as-new-2", "correlated-early",
    "correlated-early-mailbox", "correlated-late", "correlated-late-mailbox", "correlated-timeout",
    "correlated-timeout-mailbox", "deadline-cancel", "deadline-continue", "deadline-fail", "deadline-goto",
    "definition-1", "definition-2", "each", "early-event", "failed-and-resumed-1", "failed-and-resumed-2",
    "failed-and-resumed-claim", "fan-out-many", "json-logic-loop", "link-by-signal", "link-cancelled",
    "link-continue-as-new-1", "link-continue-as-new-2", "link-early", "link-expired", "link-late", "link-late-open",
    "mailbox-continue-as-new-1", "mailbox-continue-as-new-2", "multi-event-wait", "on-error", "parallel-best-effort",
    "parallel-race", "parked", "publish", "publish-event", "raw-signals", "scheduled", "scheduled-woken", "secret",
    "send", "store", "store-value-1", "store-value-2", "team-executor-retries", "topic-1", "topic-2",
}  # fmt: skip


def replayer() -> Replayer:
    workflows = [TidegateRun, TidegateResume, TidegateMailbox, *ENTITY_WORKFLOWS]
    return Replayer(workflows=workflows, workflow_runner=UnsandboxedWorkflowRunner())


def read(file: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(file.read_text())
    return value


def named(name: str) -> dict[str, Any]:
    return read(next(file for file in HISTORIES if file.stem == name))


def history(recorded: dict[str, Any]) -> WorkflowHistory:
    return WorkflowHistory.from_json(recorded["workflow_id"], {"events": recorded["events"]})


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: f"{file.parent.name}/{file.stem}")
async def test_a_recorded_history_replays(file: Path) -> None:
    await replayer().replay_workflow(history(read(file)))


def test_no_history_is_lost() -> None:
    assert {file.stem for file in HISTORIES if file.parent.name == "v0.1.0"} == V0_1_0
    assert all(any(name.startswith(flow) for name in V0_1_0) for flow in FLOWS)


@pytest.mark.parametrize(
    ("name", "event", "field", "value"),
    [
        ("approval-flow", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        ("secret", "activityTaskScheduledEventAttributes", "activityId", "77"),
        ("send", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        ("code", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        ("publish", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        ("fan-out-many", "activityTaskScheduledEventAttributes", "activityId", "77"),
        ("publish-event", "markerRecordedEventAttributes", "markerName", "another"),
        ("store", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        ("link-late", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        ("branches-hooks-failed", "activityTaskScheduledEventAttributes", "activityId", "77"),
        ("correlated-late", "markerRecordedEventAttributes", "markerName", "another"),
        ("correlated-late-mailbox", "activityTaskScheduledEventAttributes", "activityType", {"name": "another"}),
        (
            "children-parent-1",
            "startChildWorkflowExecutionInitiatedEventAttributes",
            "workflowType",
            {"name": "Another"},
        ),
    ],
)
async def test_another_command_is_noticed(name: str, event: str, field: str, value: Any) -> None:
    """The other tests could not fail if the replayer took anything."""
    recorded = named(name)
    next(one[event] for one in recorded["events"] if event in one)[field] = value
    with pytest.raises(Exception, match=r"(?i)nondeterminism"):
        await replayer().replay_workflow(history(recorded))


def test_the_names_in_histories_stay_what_they_are() -> None:
    """A changed name makes recorded workflows and messages unknown."""
    assert [
        contract.RUN_WORKFLOW, contract.RESUME_WORKFLOW, contract.DEFINITION_WORKFLOW, contract.VERSION_WORKFLOW,
        contract.SECRET_WORKFLOW, contract.MAILBOX_WORKFLOW, contract.VALUE_WORKFLOW, contract.CLAIM_WORKFLOW,
        contract.TOPIC_WORKFLOW, contract.FAN_OUT_WORKFLOW,
    ] == [
        "TidegateRun", "TidegateResume", "TidegateDefinition", "TidegateVersion", "TidegateSecret", "TidegateMailbox",
        "TidegateValue", "TidegateClaim", "TidegateTopic", "TidegateFanOut",
    ]  # fmt: skip
    assert [
        contract.DELIVER, contract.CONTINUE_AS_NEW, contract.SNAPSHOT, contract.STATE, contract.ADD_VERSION,
        contract.SET_TAG, contract.TOOK, contract.POST, contract.REGISTER, contract.WITHDRAW, contract.CHANGE_VALUE,
        contract.RUN_STORE, contract.OUTCOME, contract.LINK, contract.SUBSCRIBE, contract.UNSUBSCRIBE, contract.UNHEARD,
    ] == [
        "tidegate:deliver", "tidegate:continue-as-new", "tidegate:snapshot", "tidegate:state", "tidegate:add-version",
        "tidegate:set-tag", "tidegate:took", "tidegate:post", "tidegate:register", "tidegate:withdraw",
        "tidegate:change-value", "tidegate:run-store", "tidegate:outcome", "tidegate:link", "tidegate:subscribe",
        "tidegate:unsubscribe", "tidegate:unheard",
    ]  # fmt: skip
    assert [
        contract.RESOLVE_CHILDREN, contract.AWAIT_RUNS, contract.RESUME_RUNS, contract.CANCEL_RUN, contract.RESUME_RUN,
        contract.REGISTER_WAIT, contract.WITHDRAW_WAIT, contract.HAND_OVER, contract.SEND_EVENT, contract.USE_STORE,
        contract.RUN_CODE, contract.RUN_ACTION, contract.PUBLISH, contract.START_LISTENERS,
    ] == [
        "tidegate_resolve_children", "tidegate_await_runs", "tidegate_resume_runs", "tidegate_cancel_run",
        "tidegate_resume_run", "tidegate_register_wait", "tidegate_withdraw_wait", "tidegate_hand_over",
        "tidegate_send_event", "tidegate_use_store", "tidegate_run_code",
        "tidegate_run_action", "tidegate_publish", "tidegate_start_listeners",
    ]  # fmt: skip
    assert (contract.MEMO, contract.MESSAGE_PREFIX) == ("tidegate", "tidegate:")
    assert set(contract.SEARCH_ATTRIBUTES) == {
        "TidegateDialect", "TidegateOrganisation", "TidegateDefinition", "TidegateVersion", "TidegateWaitingFor",
        "TidegateWaitSince", "TidegateWaitDeadline",
    }  # fmt: skip


def texts(value: Any) -> Iterator[str]:
    """All text in a history, payloads decoded."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key == "data" and isinstance(item, str):
                yield base64.b64decode(item).decode("utf-8", "replace")
            else:
                yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_history_tells_nothing_of_who_recorded_it(file: Path) -> None:
    found = list(texts(read(file)))
    assert not {"identity", "stackTrace"} & set(found)
    whole = "\n".join(found)
    # Names that are common words, such as `vm`, say nothing and are part of others.
    host = socket.gethostname()
    assert len(host) < 4 or host not in whole
    for trace in ("site-packages", str(Path.home()) + "/", str(Path(__file__).parents[2]), "never-recorded"):
        assert trace not in whole
    assert file.stat().st_size < 60_000
