"""The forms of a step: `run`, `waitForEvent`, `send`, `state`; each is checked and compiled by one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from definitions.dialects.stackshift import checks
from definitions.dialects.stackshift.executors import OUTPUTS, check_executor
from definitions.dialects.stackshift.scope import (
    ANY,
    NUMBER,
    SEND_RESULT,
    TEXT,
    WAIT_RESULT,
    Scope,
    Shape,
    has_dynamic,
    is_dynamic,
)
from definitions.dialects.stackshift.words import DELIVER, DURATIONS, ON_TIMEOUT
from definitions.durations import seconds
from definitions.json_path import child
from definitions.model import CallStep, Correlation, Deadline, Expression, Save, SendStep, Step, StoreStep, WaitStep
from definitions.report import Report

CALL_SECONDS = 900.0


@dataclass(frozen=True)
class Context:
    """What the compiler of a step may use: the team's executors, what has been found wrong, and the names so far."""

    executors: Mapping[str, Any]
    report: Report
    scope: Scope


#: A step as it is named to operators, and as it runs; None if something is wrong with it.
Made = tuple[str, Step] | None


def make_step(raw: Any, path: str, context: Context) -> Made:
    """Check and compile one step. What it is called is known to the steps after it."""
    if not checks.is_object(raw, path, context.report, "step-invalid"):
        return None
    forms = [form for form in _FORMS if form in raw]
    if len(forms) != 1:
        context.report.add("step-form-invalid", path, f"expected exactly one of {', '.join(_FORMS)}")
        return None
    made = _FORMS[forms[0]](raw, path, context)
    if made is None:
        context.scope.assume(raw.get("as", raw.get("run")))
    return made


def _run(raw: dict[str, Any], path: str, context: Context) -> Made:
    report, call, at = context.report, raw.get("call"), child(path, "call")
    known = checks.has_keys(raw, ("run", "call"), ("as",), path, report)
    named = checks.is_name(raw["run"], child(path, "run"), report, "step-name-invalid")
    save = _result(raw, path, context, OUTPUTS.get(_type_of(call), ANY), named_by="run" if named else None)
    if not known or not checks.is_object(call, at, report, "call-invalid") or not isinstance(call, dict):
        return None
    if not checks.has_keys(call, ("type",), ("config", "secrets", "timeout"), at, report):
        return None
    check_executor(call, context.executors, at, report)
    secrets = call.get("secrets", {})
    _check_secrets(secrets, child(at, "secrets"), report)
    timeout = _seconds(call, "timeout", at, report)
    checks.expect(timeout != 0, child(at, "timeout"), report, "duration-invalid", "a call needs some time")
    config = call.get("config", {})
    computed = context.scope.expression(config, child(at, "config")) if has_dynamic(config) else None
    if report.problems:
        return None
    return raw["run"], CallStep(
        label="step.run",
        executor=call["type"],
        config={} if computed else config,
        config_from=computed,
        secrets=secrets,
        timeout=CALL_SECONDS if timeout is None else timeout,
        save=save,
    )


def _type_of(call: Any) -> str:
    kind = call.get("type") if isinstance(call, dict) else None
    return kind if isinstance(kind, str) else ""


def _check_secrets(value: Any, path: str, report: Report) -> None:
    good = isinstance(value, dict) and all(isinstance(name, str) and name for name in value.values())
    checks.expect(good, path, report, "secrets-invalid", "expected an object of names of secrets")


def _wait(raw: dict[str, Any], path: str, context: Context) -> Made:
    report = context.report
    checks.has_keys(raw, ("waitForEvent",), ("as", "correlationKey", "timeout", "onTimeout"), path, report)
    _event_name(raw, "waitForEvent", path, report)
    key = _key(raw, "correlationKey", path, context, "correlation-key-invalid")
    after = _seconds(raw, "timeout", path, report)
    then = raw.get("onTimeout", "fail")
    checks.is_word(then, ON_TIMEOUT, child(path, "onTimeout"), report, "on-timeout-unknown")
    save = _result(raw, path, context, WAIT_RESULT)
    if report.problems:
        return None
    return raw.get("as", raw["waitForEvent"]), WaitStep(
        label="step.waitForEvent",
        events=[raw["waitForEvent"]],
        output="event",
        correlation=Correlation(key=key),
        deadline=None if after is None else Deadline(after=float(after), then=ON_TIMEOUT[then]),
        save=save,
    )


def _send(raw: dict[str, Any], path: str, context: Context) -> Made:
    report, send, at = context.report, raw["send"], child(path, "send")
    checks.has_keys(raw, ("send",), ("as",), path, report)
    if not checks.is_object(send, at, report, "send-invalid"):
        return None
    if not checks.has_keys(send, ("name",), ("payload", "correlationKey", "idempotencyKey", "deliver"), at, report):
        return None
    _event_name(send, "name", at, report)
    deliver = send.get("deliver", "one")
    checks.is_word(deliver, DELIVER, child(at, "deliver"), report, "deliver-unknown")
    key = _key(send, "correlationKey", at, context, "correlation-key-invalid")
    idempotency = _key(send, "idempotencyKey", at, context, "idempotency-key-invalid")
    payload = context.scope.expression(send["payload"], child(at, "payload")) if "payload" in send else None
    save = _result(raw, path, context, SEND_RESULT)
    if report.problems:
        return None
    return raw.get("as", f"send {send['name']}"), SendStep(
        label="events.send",
        event=send["name"],
        payload=payload,
        key=key,
        idempotency_key=idempotency,
        deliver=deliver,
        save=save,
    )


#: Operation on the state -> what it takes besides its key, what of that it needs, whether it gives a result.
_OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "get": ((), (), True),
    "set": (("value", "expiresIn"), ("value",), False),
    "delete": ((), (), False),
    "increment": (("by",), (), True),
}
#: Operation -> what is known of its result beforehand.
_GIVES: dict[str, Shape] = {"increment": NUMBER}


def _state(raw: dict[str, Any], path: str, context: Context) -> Made:
    report, state, at = context.report, raw["state"], child(path, "state")
    operations = [name for name in _OPERATIONS if name in state] if isinstance(state, dict) else []
    if len(operations) != 1:
        report.add("state-invalid", at, f"expected an object with exactly one of {', '.join(_OPERATIONS)}")
        return None
    operation = operations[0]
    takes, needs, gives = _OPERATIONS[operation]
    checks.has_keys(raw, ("state",), ("as",) if gives else (), path, report)
    if not checks.has_keys(state, (operation, *needs), takes, at, report):
        return None
    key = _key(state, operation, at, context, "state-key-invalid", checks.STATE_KEY_LIMIT)
    value = _state_value(state, at, context)
    expires = _seconds(state, "expiresIn", at, report)
    save = _result(raw, path, context, _GIVES.get(operation, ANY)) if gives else Save()
    if report.problems or key is None:
        return None
    return raw.get("as", f"state.{operation} {state[operation][:80]}"), StoreStep(
        label=f"state.{operation}",
        operation=operation,  # type: ignore[arg-type]
        key=key,
        value=value,
        expires_after=None if expires is None else float(expires),
        save=save,
    )


def _state_value(state: dict[str, Any], path: str, context: Context) -> Expression | None:
    if "by" in state:
        by = state["by"]
        written = isinstance(by, int | float) and not isinstance(by, bool)
        good = written or (is_dynamic(by) and context.scope.kind(by) in (ANY, NUMBER))
        checks.expect(good, child(path, "by"), context.report, "increment-invalid", "expected a number, or one `${…}`")
    named = [name for name in ("value", "by") if name in state]
    return context.scope.expression(state[named[0]], child(path, named[0])) if named else None


def _key(
    holder: dict[str, Any], name: str, path: str, context: Context, code: str, longest: int = checks.KEY_LIMIT
) -> Expression | None:
    at = child(path, name)
    if name not in holder or not checks.is_key(holder[name], at, context.report, code, longest):
        return None
    kind = context.scope.kind(holder[name])
    checks.expect(kind in (ANY, TEXT), at, context.report, code, f"expected a string; this gives {kind}")
    return context.scope.expression(holder[name], at)


def _event_name(holder: dict[str, Any], name: str, path: str, report: Report) -> None:
    at, code = child(path, name), "event-name-invalid"
    if checks.is_name(holder[name], at, report, code):
        # It would be taken literally: the run would wait for a name that nobody sends.
        checks.expect(not is_dynamic(holder[name]), at, report, code, "the name of an event is not computed")


def _seconds(holder: dict[str, Any], name: str, path: str, report: Report) -> int | None:
    if name not in holder:
        return None
    value = holder[name]
    try:
        if not isinstance(value, str):
            raise ValueError(f"expected text such as {DURATIONS.example!r}")
        return seconds(value, DURATIONS)
    except ValueError as error:
        report.add("duration-invalid", child(path, name), str(error))
        return None


def _result(
    raw: dict[str, Any],
    path: str,
    context: Context,
    shape: Shape = ANY,
    named_by: str | None = None,
) -> Save:
    """Where the result goes: under `as`, else under the step's own name; a result without a name is not kept."""
    by = "as" if "as" in raw else named_by
    if by is None:
        return Save()
    if by == "as" and not checks.is_name(raw["as"], child(path, "as"), context.report, "step-name-invalid"):
        return Save()
    context.scope.declare(raw[by], child(path, by), shape)
    return Save(output=[raw[by]])


_FORMS: dict[str, Callable[[dict[str, Any], str, Context], Made]] = {
    "run": _run,
    "waitForEvent": _wait,
    "send": _send,
    "state": _state,
}
