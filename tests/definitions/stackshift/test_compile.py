"""What jobs compile to."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from definitions.dialects import stackshift
from definitions.errors import DefinitionError
from definitions.model import CallStep, CodeStep, Deadline, Definition, Expression, Save, SendStep, StoreStep, WaitStep

Json = dict[str, Any]


def compiled(*steps: Json, executors: Json | None = None, **more: Any) -> Definition:
    text = json.dumps({"definition": {"name": "job", "steps": list(steps), **more}})
    return stackshift.compile_text(text, executors=executors)


def problems(*steps: Json, executors: Json | None = None, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(DefinitionError) as caught:
        compiled(*steps, executors=executors, **more)
    return [(one.code, one.path.removeprefix("$.definition.")) for one in caught.value.problems]


def path(source: Any) -> Expression:
    return Expression(language="path", source=source)


def run(name: str, kind: str = "http", **more: Any) -> Json:
    return {"run": name, "call": {"type": kind, "config": {"url": "https://x.example"}}, **more}


def test_steps_follow_each_other() -> None:
    body = compiled(run("a"), {"waitForEvent": "paid"}, run("b")).body
    assert (body.start, list(body.steps)) == ("a", ["a", "paid", "b"])
    assert [step.next for step in body.steps.values()] == ["paid", "b", None]


def test_what_has_no_name_of_its_own_is_numbered() -> None:
    count = {"state": {"increment": "n"}}
    steps = compiled({"waitForEvent": "paid"}, {"waitForEvent": "paid"}, count, count, count).body.steps
    assert list(steps) == ["paid", "paid (2)", "state.increment n", "state.increment n (2)", "state.increment n (3)"]
    assert all(step.save.output is None for step in steps.values())


def test_a_call() -> None:
    config = {"url": "https://x.example/${payload.id}", "headers": {"authorization": {"secret": "KEY"}}}
    call = {"type": "http", "config": config, "secrets": {"KEY": "api-key"}, "timeout": "2m"}
    step = compiled({"run": "load", "call": call}).body.steps["load"]
    assert step == CallStep(
        label="step.run",
        executor="http",
        config_from=path(config),
        secrets={"KEY": "api-key"},
        timeout=120.0,
        save=Save(output=["load"]),
    )
    # The run is tried again as a whole: a call by itself is not.
    assert isinstance(step, CallStep)
    assert step.retry.maximum_attempts == 1


def test_a_config_that_is_written_out_is_not_computed() -> None:
    step = compiled(run("a")).body.steps["a"]
    assert isinstance(step, CallStep)
    assert (step.config, step.config_from) == ({"url": "https://x.example"}, None)


def test_a_teams_executor() -> None:
    class Crm:
        config_schema: ClassVar[Json] = {"type": "object", "properties": {"id": {"type": "integer"}}}

    team = {"crm": Crm()}
    assert compiled({"run": "a", "call": {"type": "crm", "config": {"id": 1}}}, executors=team).body.steps["a"]
    assert compiled({"run": "a", "call": {"type": "crm", "config": {"id": "${payload.id}"}}}, executors=team)
    wrong = {"run": "a", "call": {"type": "crm", "config": {"id": "one"}}}
    assert problems(wrong, executors=team) == [("config-value-invalid", "steps[0].call.config.id")]
    assert problems(wrong) == [("executor-unknown", "steps[0].call.type")]


@pytest.mark.parametrize("word", ["fail", "continue", "cancel"])
def test_a_wait(word: str) -> None:
    raw = {"waitForEvent": "paid", "as": "event", "correlationKey": "order:${payload.id}", "timeout": "24h"}
    step = compiled({**raw, "onTimeout": word}).body.steps["event"]
    assert isinstance(step, WaitStep)
    assert (step.events, step.output, step.save.output) == (["paid"], "event", ["event"])
    assert step.correlation is not None
    assert step.correlation.key == path("order:${payload.id}")
    assert step.deadline == Deadline(after=86_400.0, then=word)  # type: ignore[arg-type]


def test_what_a_wait_does_if_nothing_is_said() -> None:
    step = compiled({"waitForEvent": "paid"}).body.steps["paid"]
    assert isinstance(step, WaitStep)
    assert step.deadline is None
    assert step.correlation is not None
    assert step.correlation.key is None
    timed = compiled({"waitForEvent": "paid", "timeout": "1s"}).body.steps["paid"]
    assert isinstance(timed, WaitStep)
    assert timed.deadline is not None
    assert timed.deadline.then == "fail"


def test_an_event_that_is_sent() -> None:
    send = {"name": "paid", "payload": {"id": "${payload.id}"}, "deliver": "all"}
    send |= {"correlationKey": "a", "idempotencyKey": "b"}
    step = compiled({"send": send, "as": "sent"}).body.steps["sent"]
    assert step == SendStep(
        label="events.send",
        event="paid",
        payload=path({"id": "${payload.id}"}),
        key=path("a"),
        idempotency_key=path("b"),
        deliver="all",
        save=Save(output=["sent"]),
    )
    assert compiled({"send": {"name": "paid"}}).body.steps["send paid"] == SendStep(label="events.send", event="paid")


@pytest.mark.parametrize(
    ("state", "operation", "value", "expires"),
    [
        ({"get": "k"}, "get", None, None),
        ({"set": "k", "value": None}, "set", path(None), None),
        ({"set": "k", "value": ["${payload}"], "expiresIn": "1h"}, "set", path(["${payload}"]), 3600.0),
        ({"delete": "k"}, "delete", None, None),
        ({"increment": "k"}, "increment", None, None),
        ({"increment": "k", "by": -2.5}, "increment", path(-2.5), None),
        ({"increment": "k", "by": "${payload.rows}"}, "increment", path("${payload.rows}"), None),
    ],
)
def test_the_state(state: Json, operation: str, value: Any, expires: float | None) -> None:
    step = compiled({"state": state}).body.steps[f"state.{operation} k"]
    assert isinstance(step, StoreStep)
    assert (step.operation, step.key, step.value, step.expires_after) == (operation, path("k"), value, expires)


def test_attempts_and_result() -> None:
    plain = compiled(run("a"))
    assert plain.attempts.maximum_attempts == 3
    assert plain.result == Expression(language="literal", source=None)
    full = compiled(run("a"), maxAttempts=8, **{"return": {"body": "${a.body}", "done": True}})
    assert full.attempts.maximum_attempts == 8
    pauses = full.attempts
    assert (pauses.initial_interval, pauses.backoff_coefficient, pauses.maximum_interval) == (1, 2, 60)
    assert full.result == path({"body": "${a.body}", "done": True})


@pytest.mark.parametrize(
    "source",
    [
        "stackshift.job('onboard', async ({ payload }) => {})",
        'stackshift . job<Payload>(\n  "onboard", async () => {})',
        "stackshift.job<{ id: string }>(`onboard`, f); stackshift.job('onboard', g)",
    ],
)
def test_a_handlers_source(source: str) -> None:
    definition = stackshift.compile_text(json.dumps({"source": source, "maxAttempts": 6}))
    assert (definition.name, definition.attempts.maximum_attempts, definition.result) == ("onboard", 6, None)
    step = definition.body.steps["handler"]
    assert isinstance(step, CodeStep)
    assert (step.shim, step.handler, step.source) == ("stackshift", "onboard", source)
    assert step.input == Expression(language="passthrough", source={"data": "payload"})


def test_a_source_with_several_jobs_says_which() -> None:
    text = "stackshift.job('a', f); stackshift.job(names.b, f)"
    definition = stackshift.compile_text(json.dumps({"source": text, "name": "b"}))
    assert definition.name == "b"


def test_what_the_code_registers_decides() -> None:
    document = {"source": "…", "maxAttempts": 2}
    assert stackshift.source.checked(document, ["a"]) == {**document, "name": "a"}
    assert stackshift.source.checked({**document, "name": "b"}, ["a", "b"])["name"] == "b"


@pytest.mark.parametrize(
    ("name", "jobs", "code"),
    [
        ({}, [], "source-job-missing"),
        ({}, ["a", "b"], "source-jobs-many"),
        ({"name": "c"}, ["a"], "source-job-missing"),
    ],
)
def test_code_that_does_not_register_the_one_job_is_refused(name: Json, jobs: list[str], code: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        stackshift.source.checked({"source": "…", **name}, jobs)
    assert [one.code for one in caught.value.problems] == [code]


def test_everything_wrong_is_told_at_once() -> None:
    returning: Json = {"return": "${a.body} ${paid.payload} ${c.body}"}
    found = problems(
        {"run": "a", "call": {"type": "ftp"}},
        {"waitForEvent": "paid", "as": "paid", "correlationKey": 7, "timeout": "soon", "onTimeout": "panic"},
        {"send": {"name": "x", "payload": "${nobody}"}},
        run("b", **{"as": "c"}),
        {"state": {"get": "${b}"}},
        maxAttempts=1000,
        **returning,
    )
    assert found == [
        ("max-attempts-invalid", "maxAttempts"),
        ("executor-unknown", "steps[0].call.type"),
        ("correlation-key-invalid", "steps[1].correlationKey"),
        ("duration-invalid", "steps[1].timeout"),
        ("on-timeout-unknown", "steps[1].onTimeout"),
        ("reference-unknown", "steps[2].send.payload"),
        ("reference-unknown", "steps[4].state.get"),
    ]


def test_a_definition_without_its_wrapper() -> None:
    text = json.dumps({"name": "job", "steps": [run("a")]})
    assert stackshift.compile_text(text).name == "job"
    assert stackshift.document(text) == {"definition": json.loads(text)}
    with pytest.raises(DefinitionError) as caught:
        stackshift.compile_text(json.dumps({"name": "job", "steps": [run("a", extra=1)]}))
    assert caught.value.problems[0].path == "$.steps[0].extra"


def test_white_space_makes_no_other_job() -> None:
    one, other = '{"definition": {"name": "a", "steps": []}}', '{"definition":{"name":"a","steps":[]}}'
    assert stackshift.minified_sha256(one) == stackshift.minified_sha256(other)
    assert stackshift.minified_sha256(one) != stackshift.minified_sha256(one.replace('"a"', '"b"'))


WAIT: Json = {"waitForEvent": "paid", "as": "event"}
COUNT: Json = {"state": {"increment": "n"}, "as": "count"}
SEND: Json = {"send": {"name": "sent"}, "as": "sent"}


@pytest.mark.parametrize(
    ("before", "key"),
    [
        (run("load"), "${load.status}"),
        (run("load"), "${load.headers}"),
        (run("load"), "${load}"),
        (WAIT, "${event.timedOut}"),
        (WAIT, "${event}"),
        (SEND, "${sent.duplicate}"),
        (COUNT, "${count}"),
    ],
)
def test_a_key_that_cannot_be_text_is_refused(before: Json, key: str) -> None:
    assert problems(before, {"waitForEvent": "go", "correlationKey": key}) == [
        ("correlation-key-invalid", "steps[1].correlationKey")
    ]
    sending = {"name": "go", "correlationKey": key}
    assert problems(before, {"send": sending}) == [("correlation-key-invalid", "steps[1].send.correlationKey")]
    sending = {"name": "go", "idempotencyKey": key}
    assert problems(before, {"send": sending}) == [("idempotency-key-invalid", "steps[1].send.idempotencyKey")]
    assert problems(before, {"state": {"get": key}, "as": "got"}) == [("state-key-invalid", "steps[1].state.get")]
    # Inside longer text each has its text.
    assert compiled(before, {"waitForEvent": "go", "correlationKey": f"key:{key}"})


@pytest.mark.parametrize(
    "key", ["${payload}", "${load.body}", "${load.body.id}", "${event.event}", "${event.payload}", "${sent.event_id}"]
)
def test_a_key_that_may_be_text_is_computed(key: str) -> None:
    assert compiled(run("load"), WAIT, SEND, {"waitForEvent": "go", "correlationKey": key})


@pytest.mark.parametrize(
    "text", ["${load.status.code}", "${event.timedOut.at}", "${count.value}", "${sent.event_id.a}"]
)
def test_what_has_no_parts_cannot_be_asked_for_one(text: str) -> None:
    bad = {"send": {"name": "go", "payload": text}}
    assert problems(run("load"), WAIT, SEND, COUNT, bad) == [("reference-unresolvable", "steps[4].send.payload")]


@pytest.mark.parametrize("text", ["${payload.}", "${payload..id}", "${.payload}"])
def test_a_path_has_no_empty_part(text: str) -> None:
    assert problems({"waitForEvent": "go", "correlationKey": text}) == [
        ("expression-invalid", "steps[0].correlationKey")
    ]


@pytest.mark.parametrize(
    ("step", "path"),
    [({"waitForEvent": "paid.${payload.id}"}, "waitForEvent"), ({"send": {"name": "paid.${payload.id}"}}, "send.name")],
)
def test_the_name_of_an_event_is_not_computed(step: Json, path: str) -> None:
    assert problems(step) == [("event-name-invalid", f"steps[0].{path}")]


@pytest.mark.parametrize("by", ["1${payload.n}", "${payload.a}${payload.b}", "${load.headers}", "${event.timedOut}"])
def test_an_amount_that_cannot_be_a_number_is_refused(by: str) -> None:
    bad = {"state": {"increment": "n", "by": by}}
    assert problems(run("load"), WAIT, bad) == [("increment-invalid", "steps[2].state.by")]


def test_a_call_without_any_time_is_refused() -> None:
    bad = run("a")
    bad["call"]["timeout"] = "0s"
    assert problems(bad) == [("duration-invalid", "steps[0].call.timeout")]
