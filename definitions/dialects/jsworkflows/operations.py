"""The operations of a JSON-defined action: each kind is checked and compiled by one function.

What they compile to is the vendor-neutral form that workers run: {op, input, as, when, unless}.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from definitions.dialects.jsworkflows import checks, words
from definitions.dialects.jsworkflows.scope import Parts, Scope, expression
from definitions.json_path import child
from definitions.report import Report

Json = dict[str, Any]
KEY_LIMIT, STORE_KEY_LIMIT, HANDLE_LIMIT = 1_000, 256, 200


@dataclass(frozen=True)
class Context:
    """Where an operation stands: the actions that there are, whether it is in a hook, and the names so far."""

    report: Report
    actions: Collection[str]
    hook: bool
    scope: Scope

    def expect(self, good: bool, path: str, code: str, message: str) -> bool:
        return checks.expect(good, path, self.report, code, message)

    def object(self, value: Any, required: Collection[str], optional: Collection[str], path: str) -> bool:
        is_object = self.expect(isinstance(value, dict), path, "operation-value-invalid", "expected an object")
        return is_object and checks.has_keys(value, required, optional, path, self.report)


def make_action(raw: Any, path: str, context: Context) -> list[Json]:
    """An action's operations, in their order."""
    if not context.expect(isinstance(raw, list), path, "action-invalid", "expected a list of operations"):
        return []
    made: list[Json] = []
    parked = False
    for index, item in enumerate(raw):
        at = child(path, index)
        operation = _make(item, at, context)
        if operation is None:
            continue
        late = parked and operation["op"] == "later"
        context.expect(not late, at, "schedule-after-wait", "the branch already waits for an event")
        parked = parked or (operation["op"] == "link" and not {"when", "unless"} & set(operation))
        made.append(operation)
    return made


def _make(raw: Any, path: str, context: Context) -> Json | None:
    if not context.expect(isinstance(raw, dict), path, "operation-invalid", "expected an object"):
        return None
    kinds = [kind for kind in _KINDS if kind in raw]
    message = f"expected exactly one of {', '.join(_KINDS)}"
    if not context.expect(len(kinds) == 1, path, "operation-form-invalid", message):
        return None
    make, parts = _KINDS[kind := kinds[0]]
    gives = parts != ()
    checks.has_keys(raw, (kind,), ("when", "unless", *(("as",) if gives else ())), path, context.report)
    operation = make(raw[kind], child(path, kind), context, kind)
    for condition in ("when", "unless"):
        if condition in raw and operation is not None:
            context.scope.check(raw[condition], child(path, condition))
            operation[condition] = expression(raw[condition])
    if "as" in raw and gives:
        context.scope.declare(raw["as"], child(path, "as"), parts)
        if operation is not None:
            operation["as"] = raw["as"]
    return operation


def _operation(op: str, given: Any, raw: Any, path: str, context: Context) -> Json:
    """An operation that is `given` what was made of `raw`, which stands at the path."""
    context.scope.check(raw, path)
    return {"op": op, "input": expression(given)}


# --- what follows: links and later actions ---


def _wait(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    if not context.object(raw, ("action", "payload"), ("timeout", "redirect_url", "get"), path):
        return None
    known = _leads(raw, path, context)
    payload = _payload(raw["payload"], path, context)
    seconds = checks.duration(
        raw.get("timeout", words.DEFAULT_TIMEOUT), words.TIMEOUT, child(path, "timeout"), context.report
    )
    redirect, get = raw.get("redirect_url"), raw.get("get", "direct")
    message = "expected null or an http or https URL"
    good = context.expect(checks.is_redirect(redirect), child(path, "redirect_url"), "redirect-invalid", message)
    named = isinstance(get, str) and get in words.GET
    good = context.expect(named, child(path, "get"), "get-unknown", "expected direct or confirm") and good
    if not (known and payload and seconds is not None and good):
        return None
    given = {"action": raw["action"], "payload": raw["payload"], "seconds": seconds, "redirect": redirect}
    return _operation("link", given | {"confirm": words.GET[get]}, raw, path, context)


def _schedule(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    if not context.object(raw, ("action", "delay"), ("payload",), path):
        return None
    known = _leads(raw, path, context)
    payload = raw.get("payload", {})
    good = _payload(payload, path, context)
    seconds = checks.duration(raw["delay"], words.DELAY, child(path, "delay"), context.report)
    if not (known and good and seconds is not None):
        return None
    return _operation("later", {"action": raw["action"], "payload": payload, "seconds": seconds}, raw, path, context)


def _leads(raw: Json, path: str, context: Context) -> bool:
    """Whether an operation may lead to its action."""
    action, at = raw["action"], child(path, "action")
    if not context.expect(not context.hook, path, "hook-plans", "nothing may follow the end of a run"):
        return False
    if not context.expect(action != words.START, at, "action-start", "nothing may lead to start"):
        return False
    if not context.expect(
        not isinstance(action, str) or action not in words.HOOKS,
        at,
        "action-hook",
        "this action is run at the end by itself",
    ):
        return False
    known = isinstance(action, str) and action in context.actions
    there = ", ".join(name for name in context.actions if name not in (words.START, *words.HOOKS))
    message = f"there is no action {str(action)[:80]!r}; there are: {there[:200] or 'none beside start'}"
    return context.expect(known, at, "action-unknown", message)


def _payload(value: Any, path: str, context: Context) -> bool:
    good = isinstance(value, dict) or checks.is_reference(value)
    return context.expect(good, child(path, "payload"), "payload-invalid", "expected an object")


# --- claims, the run's store, calls ---


def _dedupe(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    if not context.object(raw, ("key",), ("window",), path):
        return None
    key = _key(raw["key"], KEY_LIMIT, child(path, "key"), context)
    window = raw.get("window", words.DEFAULT_WINDOW)
    seconds = checks.duration(window, words.WINDOW, child(path, "window"), context.report)
    if not key or seconds is None:
        return None
    return _operation("claim", {"key": raw["key"], "seconds": seconds}, raw, path, context)


def _key(value: Any, longest: int, path: str, context: Context) -> bool:
    return context.expect(
        checks.is_text(value, longest), path, "key-invalid", f"expected a string of 1 to {longest} characters"
    )


#: Operation of the store -> the key under which its value stands, and whether that may be missing.
_STORE: dict[str, tuple[str | None, bool]] = {
    "get": (None, True),
    "set": ("value", False),
    "push": ("value", False),
    "increment": ("by", True),
    "delete": (None, True),
}


def _store(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    found = [name for name in _STORE if name in raw] if isinstance(raw, dict) else []
    message = f"expected an object with exactly one of {', '.join(_STORE)}"
    if not context.expect(len(found) == 1, path, "store-invalid", message):
        return None
    operation = found[0]
    value, optional = _STORE[operation]
    names = () if value is None else (value,)
    if not context.object(raw, (operation, *(() if optional else names)), names, path):
        return None
    good = _key(raw[operation], STORE_KEY_LIMIT, child(path, operation), context)
    given: Json = {"operation": operation, "key": raw[operation]}
    if value is not None:
        given["value"] = raw.get(value, 1)
    if operation == "increment":
        by = given["value"]
        number = checks.is_number(by) or checks.is_reference(by)
        good = context.expect(number, child(path, "by"), "increment-invalid", "expected a number") and good
    return _operation("store", given, raw, path, context) if good else None


def _fetch(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    if not context.object(raw, ("url",), ("method", "headers", "body"), path):
        return None
    faults = {
        "url": not checks.is_text(raw["url"], 8_000),
        "method": "method" in raw and raw["method"] not in words.METHODS and not checks.is_reference(raw["method"]),
        "headers": "headers" in raw and not isinstance(raw["headers"], dict),
    }
    for name, wrong in faults.items():
        context.expect(not wrong, child(path, name), "fetch-invalid", f"this is no {name} of a request")
    return None if any(faults.values()) else _operation("call", raw, raw, path, context)


def _oauth(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    return _operation("oauth", {"handle": raw}, raw, path, context) if _key(raw, HANDLE_LIMIT, path, context) else None


def _log(raw: Any, path: str, context: Context, kind: str) -> Json:
    values = raw if isinstance(raw, list) else [raw]
    return _operation("log", {"level": kind, "values": values}, raw, path, context)


def _return(raw: Any, path: str, context: Context, kind: str) -> Json | None:
    response = raw.get("response") if isinstance(raw, dict) and len(raw) == 1 else None
    if isinstance(response, dict):
        at = child(path, "response")
        if not checks.has_keys(response, (), ("status", "headers", "body"), at, context.report):
            return None
        status, headers = response.get("status", 200), response.get("headers", {})
        whole = isinstance(status, int) and not isinstance(status, bool) and 200 <= status <= 599
        good = (whole or checks.is_reference(status)) and isinstance(headers, dict)
        if not context.expect(good, at, "response-invalid", "expected a status from 200 to 599, and headers"):
            return None
    return _operation("return", raw, raw, path, context)


Make = Callable[[Any, str, Context, str], Json | None]
#: Kind -> its compiler, and the parts of its result; () means that it has none.
_KINDS: dict[str, tuple[Make, Parts]] = {
    "waitForEvent": (_wait, ("token", "resumeUrl")),
    "scheduleNextStep": (_schedule, ()),
    "dedupe": (_dedupe, ("locked",)),
    "runStore": (_store, None),
    "fetch": (_fetch, ("status", "headers", "body")),
    "getOAuthToken": (_oauth, ("token",)),
    "log": (_log, ()),
    "info": (_log, ()),
    "warn": (_log, ()),
    "error": (_log, ()),
    "return": (_return, ()),
}
