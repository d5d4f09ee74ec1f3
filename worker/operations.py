"""Actions that are lists of operations: the vocabulary of actions in JavaScript, for definitions that are data.

An operation is {"op", "input"?, "as"?, "when"?, "unless"?}. `input` is an expression over {data, headers, env, error}
and what earlier operations have named with `as`. `when` and `unless` are expressions too; a value that is missing,
null, false, 0 or an empty text is no. Inputs and results:

    link     {action, payload, seconds, redirect?, confirm?} -> {token, resumeUrl}
    later    {action, payload, seconds}                      -> null
    claim    {key, seconds}                                  -> {locked}
    store    {operation, key, value?}                        -> what the run's store answers
    call     {url, method?, headers?, body?}                 -> {status, headers, body}
    oauth    {handle}                                        -> {token}
    log      {level?, values}                                -> null
    return   the action's value, or {"response": {status?, headers?, body?}}; it ends the action
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from definitions.contract import ActionCall
from definitions.errors import ExpressionError, InputInvalid
from definitions.expressions import ABSENT, evaluate
from definitions.model import Expression
from worker.activities.http_reply import output_of
from worker.http_client import Answer
from worker.sandbox.frames import Logs

#: Operation host: name of what is asked, None, its arguments -> the answer. Raises TidegateError.
Ask = Callable[[str, str | None, dict[str, Any]], Awaitable[Any]]
#: Level of a log line -> what the line begins with.
PREFIXES = {"log": "", "info": "\N{INFORMATION SOURCE}\ufe0f ", "warn": "⚠️ ", "error": "❌ "}


@dataclass
class Ended:
    """What the operations have given: a value or an HTTP response {status, headers, body (base64)}."""

    value: Any = None
    response: dict[str, Any] | None = None


@dataclass
class _Action:
    ask: Ask
    logs: Logs
    names: dict[str, Any] = field(default_factory=dict)


async def run(call: ActionCall, env: Mapping[str, str], ask: Ask, logs: Logs) -> Ended:
    """Run an action's operations, one after another. Raises TidegateError for the first that fails."""
    operations = (call.operations or {}).get(call.action)
    if operations is None:
        raise InputInvalid(f"there is no action {call.action!r}")
    names = {"data": call.data, "headers": call.headers, "env": dict(env), "error": call.error}
    action = _Action(ask, logs, names)
    for number, operation in enumerate(operations, 1):
        try:
            if not _wanted(operation, action.names):
                continue
            kind, given = operation["op"], _value(operation.get("input"), action.names)
            if kind == "return":
                return _ended(given)
            if kind not in _KINDS:
                raise InputInvalid(f"there is no operation {kind!r}")
            result = await _KINDS[kind](action, given)
        except ExpressionError as error:
            raise ExpressionError(f"operation {number} ({operation.get('op')}): {error.message}", error.path) from None
        if operation.get("as") is not None:
            action.names[operation["as"]] = result
    return Ended()


def _wanted(operation: dict[str, Any], names: dict[str, Any]) -> bool:
    return _holds(operation.get("when"), names, True) and not _holds(operation.get("unless"), names, False)


def _holds(condition: Any, names: dict[str, Any], without: bool) -> bool:
    if condition is None:
        return without
    try:
        value = _value(condition, names)
    except ExpressionError:
        return False  # What it looks at is not there.
    return value not in (None, False, "") and value != 0


def _value(expression: Any, names: dict[str, Any]) -> Any:
    if expression is None:
        return None
    value = evaluate(Expression.model_validate(expression), names)
    return None if value is ABSENT else value


# --- the kinds ---


def _asked(name: str) -> Callable[[_Action, Any], Awaitable[Any]]:
    async def ask(action: _Action, given: Any) -> Any:
        members = _members(given)
        key = members.get("key")
        if isinstance(key, (int, float)) and not isinstance(key, bool):
            members = {**members, "key": _text(key)}  # An order's number, say.
        return await action.ask(name, None, members)

    return ask


async def _call(action: _Action, given: Any) -> dict[str, Any]:
    given = _members(given)
    headers = _pairs(given.get("headers"))
    body, kind = _encoded(given.get("body"))
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers = [["Content-Type", kind], *headers]
    method = given.get("method") or ("GET" if body is None else "POST")
    asked = {"method": method, "url": given.get("url"), "headers": headers, "body": body, "redirect": "follow"}
    answer = await action.ask("fetch", None, asked)
    received = tuple((name, value) for name, value in answer["headers"])
    return output_of(Answer(answer["status"], received, base64.b64decode(answer["body"]), answer["url"]))


async def _log(action: _Action, given: Any) -> None:
    given = given if isinstance(given, dict) else {"values": [given]}
    values = given.get("values")
    texts = [_text(value) for value in (values if isinstance(values, list) else [values])]
    action.logs.add(PREFIXES.get(str(given.get("level")), "") + " ".join(texts))


_KINDS: dict[str, Callable[[_Action, Any], Awaitable[Any]]] = {
    **{name: _asked(name) for name in ("link", "later", "claim", "store", "oauth")},
    "call": _call,
    "log": _log,
}


def _ended(given: Any) -> Ended:
    response = given.get("response") if isinstance(given, dict) and len(given) == 1 else None
    if not isinstance(response, dict):
        return Ended(given)
    headers = _pairs(response.get("headers"))
    body, kind = _encoded(response.get("body"))
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers = [["Content-Type", kind], *headers]
    return Ended(response={"status": response.get("status", 200), "headers": headers, "body": body or ""})


def _members(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InputInvalid("an operation's input must be an object")
    return given


def _pairs(headers: Any) -> list[list[str]]:
    if headers is None:
        return []
    if not isinstance(headers, dict):
        raise InputInvalid("headers must be an object")
    return [[str(name), _text(value)] for name, value in headers.items() if value is not None]


def _encoded(body: Any) -> tuple[str | None, str]:
    """A body in base64, and the type of its content: text as it is, all else as JSON."""
    if body is None:
        return None, ""
    raw = body.encode("utf-8", "replace") if isinstance(body, str) else json.dumps(body, separators=(",", ":")).encode()
    kind = "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"
    return base64.b64encode(raw).decode("ascii"), kind


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
