"""How the records of a run become the vendor's history, state and job summaries."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from adapter.dialects.justworkflowit import projection
from adapter.dialects.justworkflowit.words import WAIT_TYPE
from definitions.contract import ParentRef, RunFacts, RunSnapshot, RunStatus, StepRecord
from worker.client import RunDescription

T0 = datetime(2026, 1, 31, 9, 30, tzinfo=timezone.utc)


def at(seconds: int) -> str:
    return f"2026-01-31T09:30:{seconds:02}.000000Z"


def step(name: str, status: Any, second: int, **more: Any) -> StepRecord:
    return StepRecord(f"{name}#1", name, 1, status, started_at=at(second), ended_at=at(second), **more)


def event(name: str, second: int, **more: Any) -> StepRecord:
    return StepRecord(f"id-{name}-{second}", "", 0, "success", source="event", event=name, started_at=at(second),
                      ended_at=at(second), **more)  # fmt: skip


ASKED = step("ask", "success", 1, label="/justworkflowit/aws/lambda", has_output=True, output={}, next="wait")
PARKED = step("wait", "incomplete", 2, label=WAIT_TYPE)
DONE = step("wait", "success", 5, label=WAIT_TYPE, has_output=True, output={"ok": True})


def shown(*records: StepRecord, next_step: str | None = "wait") -> list[tuple[str, str, str]]:
    items = projection.history(records, next_step)
    assert len({item["id"] for item in items}) == len(items)
    return [(item["stepName"], item["historySource"], item["output"]["status"]) for item in items]


def test_an_item_has_the_vendors_fields_and_no_others() -> None:
    record = step("ask", "failure", 1, label="/x", has_input=True, input={"a": 1}, errors=["no"], warnings=["hm"])
    (item,) = projection.history([record], "ask")
    assert item.pop("id")
    assert item == {
        "stepName": "ask",
        "stepExecutorType": "/x",
        "historySource": "engine",
        "input": {"a": 1},
        "output": {"status": "failure"},
        "startTimestamp": at(1),
        "endTimestamp": at(1),
        "errors": ["no"],
        "warnings": ["hm"],
    }


def test_an_event_carries_its_id_and_payload() -> None:
    item = projection.history([ASKED, PARKED, event("e", 3, has_output=True, output={"n": 1}), DONE], None)[2]
    assert (item["eventId"], item["historySource"], item["stepName"]) == ("e", "external", "wait")
    assert (item["output"], item["stepExecutorType"]) == ({"status": "success", "payload": {"n": 1}}, WAIT_TYPE)


def test_a_parked_job_ends_with_the_incomplete_step() -> None:
    assert shown(ASKED, PARKED)[-1] == ("wait", "engine", "successful_but_incomplete")


def test_an_event_that_does_not_end_the_wait_leaves_the_incomplete_step_last() -> None:
    assert shown(ASKED, PARKED, event("e", 3)) == [
        ("ask", "engine", "success"),
        ("wait", "engine", "successful_but_incomplete"),
        ("wait", "external", "success"),
        ("wait", "engine", "successful_but_incomplete"),
    ]


def test_a_wait_that_is_shown_once_more_by_the_run_gives_no_item_twice() -> None:
    assert shown(ASKED, PARKED, event("e", 3), PARKED) == shown(ASKED, PARKED, event("e", 3))


def test_the_history_only_grows() -> None:
    records = [ASKED, PARKED, event("a", 3), event("?", 4), event("b", 5), DONE]
    before: list[Any] = []
    for length in (1, 2, 3, 4, 6):  # an event that ends the wait and the step's success are of one turn
        now = projection.history(records[:length], "wait")
        assert now[: len(before)] == before
        before = now
    assert [item["output"]["status"] for item in before[-2:]] == ["success", "success"]


def test_an_early_event_belongs_to_the_step_that_the_job_was_at() -> None:
    assert shown(event("e", 0), ASKED, event("f", 2), DONE)[0] == ("ask", "external", "success")
    assert shown(event("e", 0), ASKED, event("f", 2), DONE)[2] == ("wait", "external", "success")
    assert shown(event("e", 0), next_step="ask") == [("ask", "external", "success")]


def test_a_step_that_fails_again_after_a_resume_is_two_items() -> None:
    assert len(shown(step("ask", "failure", 1), step("ask", "failure", 9), next_step=None)) == 2


def snapshot(status: RunStatus, next_step: str | None) -> RunSnapshot:
    return RunSnapshot(status, next_step, {"workflowInput": {"a": None}}, [ASKED], [])


def test_the_next_step_is_there_until_the_job_has_ended() -> None:
    assert projection.state(snapshot("running", "wait"))["nextStepName"] == "wait"
    for status in ("succeeded", "failed", "cancelled"):
        assert "nextStepName" not in projection.state(snapshot(status, "wait"))


def test_a_job_without_input_has_none_in_its_data() -> None:
    data = {"workflowInput": None, "askInput": None}
    assert projection.state(RunSnapshot("running", "ask", data, [], []))["executionData"] == {"askInput": None}


def test_nulls_in_the_jobs_data_stay() -> None:
    assert projection.state(snapshot("running", "wait"))["executionData"] == {"workflowInput": {"a": None}}


def run(status: RunStatus, *, closed: bool = False, parent: ParentRef | None = None) -> RunDescription:
    facts = RunFacts("acme", "justworkflowit", "job", "wf", "approval", "v", 3, at(0), "boss", "root", parent)
    return RunDescription("w", "t", status, facts, T0, T0 + timedelta(seconds=4), T0 if closed else None)


def test_a_pending_job_has_neither_started_nor_finished() -> None:
    assert projection.job(run("pending")) == {
        "jobId": "job",
        "status": "PENDING",
        "workflowId": "wf",
        "workflowName": "approval",
        "workflowVersion": {"versionId": "v", "versionNumber": 3},
        "submittedByUser": "boss",
        "createdAt": at(0),
        "updatedAt": at(4),
    }


def test_a_child_names_its_parent_and_its_root() -> None:
    summary = projection.job(run("succeeded", closed=True, parent=ParentRef("w0", "parent", "spawn")))
    assert {key: summary[key] for key in ("parentJobId", "parentStepName", "rootJobId")} == {
        "parentJobId": "parent",
        "parentStepName": "spawn",
        "rootJobId": "root",
    }
    assert (summary["startedAt"], summary["finishedAt"], summary["status"]) == (at(0), at(0), "SUCCEEDED")
