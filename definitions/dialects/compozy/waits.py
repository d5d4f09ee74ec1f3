"""`wait`: park until the named signal comes, of which a processor may make something first."""

from __future__ import annotations

from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.blocks import Builder, Made, present
from definitions.dialects.compozy.context import Context
from definitions.dialects.compozy.layout import Task, inner
from definitions.dialects.compozy.scope import at, compose, literal, part, path
from definitions.dialects.compozy.tasks import Common, common, misfit, outputs, unfit
from definitions.json_path import child
from definitions.model import Block, Correlation, Deadline, Expression, WaitStep


def wait(task: Task, context: Context, builder: Builder) -> Made | None:
    shared = common(task, context, builder)
    name = _name(task, shared)
    timeout = checks.seconds_at(task.raw, "timeout", task.path, context.report)
    late = _late(task, builder)
    processor = _processor(task, context, builder)
    if name is None:
        return None
    more = {
        "processor": processor,
        "deadline": None if timeout is None else Deadline(after=timeout, then="fail"),
        "correlation": _correlation(task, shared),
        "on_errors": {words.ENGINE_TIMEOUT: late} if late else {},
    }
    result = _result(task, shared)
    step = WaitStep(
        **shared.step(task),
        **({"events": [name.source]} if name.language == "literal" else {"events_from": name}),
        need="any",
        on_reject="discard",
        on_filter_error="fail",
        **_condition(task, shared, processor is not None),
        output="message",
        **present(more),
        failure=_failure(name, timeout),
        result=result,
        **unfit(task, context, result),
    )
    return Made(step, shared.given, misfit(task, context))


def _name(task: Task, shared: Common) -> Expression | None:
    name, where = task.raw.get("wait_for"), child(task.path, "wait_for")
    if checks.is_name(name, where, shared.own.report, "wait-name-missing"):
        return shared.own.template(name, where)
    return None


def _correlation(task: Task, shared: Common) -> Correlation | None:
    key, where = task.raw.get("correlation_key"), child(task.path, "correlation_key")
    if key is None or not checks.is_text(key, where, shared.own.report):
        return None
    return Correlation(key=shared.own.template(key, where))


def _late(task: Task, builder: Builder) -> str | None:
    """The step to go to when the deadline has passed."""
    to, where = task.raw.get("on_timeout"), child(task.path, "on_timeout")
    if to is None:
        return None
    if builder.order == "alone":
        builder.context.report.add("transition-invalid", where, "this task has no way on of its own")
        return None
    return builder.link(task, to, None, where, "late") if builder.check_target(to, where) else None


def message(*root: str) -> Expression:
    """The signal as the vendor has it, of the event at a path of the data."""
    payload = compose(first=[part(at(*root, "payload")), part(literal({}))])
    event = ".".join(root)
    metadata = {
        "signal_id": f"${{{event}.id}}",
        "received_at_utc": f"${{{event}.receivedAt}}",
        "workflow_id": "${workflow.id}",
        "source": f"${{{event}.source}}",
    }
    made = path({"payload": "${payload}", "metadata": metadata})
    return compose(**{"let": {"payload": part(payload)}, "in": part(made)})


def _condition(task: Task, shared: Common, processed: bool) -> dict[str, Any]:
    raw, where = task.raw.get("condition"), child(task.path, "condition")
    if raw is None or raw == "" or not checks.is_text(raw, where, shared.own.report):
        return {}
    names = shared.own.bound(signal=message("event"))
    if processed:
        return {"accept": names.bound(processor=at("processed")).truth(raw, where)}
    return {"filter": names.truth(raw, where)}


def _processor(task: Task, context: Context, builder: Builder) -> Block | None:
    """The block of the task that every signal is given to; `signal` is a part of what that task is given."""
    if task.raw.get("processor") is None:
        return None
    raw, where, name = next(inner(task))
    report = context.report
    if not checks.is_object(raw, where, report, "processor-invalid"):
        return None
    if raw.get("type", "basic") in ("wait", "router"):
        report.add("processor-invalid", where, f"a processor is no {raw['type']}")
        return None
    signal = message("event")
    given = raw.get("with")
    names = context.names.bound(signal=signal)
    inside = Builder(context.naming(names), "alone", builder.makers, given=signal)
    if given is not None and not isinstance(given, dict):
        return None
    return inside.build([(raw, where, name)])


def _failure(name: Expression, timeout: float | None) -> Expression:
    """What is saved of a failure, as the vendor has it."""
    other = path({"code": words.WAIT_FAILED, "message": "${failure.message}"})
    if timeout is None:
        return other
    details = {"signal_name": "${name}", "timeout": go_text(timeout), "timeout_ms": round(timeout * 1000)}
    told: dict[str, Any] = {
        "code": words.WAIT_TIMEOUT,
        "message": f"wait task timed out after {go_text(timeout)}",
        "details": {**details, "timeout_sec": int(timeout) if timeout == int(timeout) else timeout},
    }
    late = compose(**{"let": {"name": part(name)}, "in": part(path(told))})
    return compose(case=part(at("failure", "code")), of={words.ENGINE_TIMEOUT: part(late)}, otherwise=part(other))


def _result(task: Task, shared: Common) -> Expression:
    signal, processed = message("output", "event"), at("output", "processed")
    whole = path({"wait_status": "completed", "signal": "${signal}", "processor_output": "${processed}"})
    names = shared.after.bound(signal=at("output", "signal"), processor=at("output", "processor_output"))
    native = compose(**{"let": {"signal": part(signal), "processed": part(processed)}, "in": part(whole)})
    made = outputs(task, names, native)
    assert made is not None
    return made


def go_text(seconds: float) -> str:
    """A duration as Go writes it: 5m0s, 1h30m0s, 1.5s, 300ms."""
    if 0 < seconds < 1:
        return f"{round(seconds * 1000, 6):g}ms"
    whole, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(whole), 60)
    text = f"{round(rest, 9):.9f}".rstrip("0").rstrip(".") + "s"
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + text
