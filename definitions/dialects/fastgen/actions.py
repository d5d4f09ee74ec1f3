"""The actions that are one step each: every type is checked and compiled by one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from definitions import checks
from definitions.dialects.fastgen import events, words
from definitions.dialects.fastgen.scope import Names, as_text, is_dynamic, is_one_expression
from definitions.durations import LONGEST, total
from definitions.json_path import child
from definitions.model import AssignStep, CallStep, Expression, PublishStep, RetryPolicy, Save, SleepStep, Step
from definitions.report import Report

#: Where the answer of a run is put in its data.
RESPONSE = "response"
#: Statuses that are an output: all of them, so that an `if` can look.
_ANY_STATUS = {"status": ["1xx", "2xx", "3xx", "4xx", "5xx"]}


@dataclass(frozen=True)
class Action:
    """An action as it is written; `path` is its own, `at` that of its config. `inner` are the lists inside of it."""

    key: str
    name: str
    type: str
    config: dict[str, Any]
    path: str
    inner: Mapping[str, list[Action]] = field(default_factory=dict)

    @property
    def at(self) -> str:
        return child(self.path, "config")

    @property
    def save(self) -> Save:
        return Save(output=["action", self.key])


@dataclass(frozen=True)
class Context:
    """What the compiler of an action may use."""

    names: Names
    project: str

    @property
    def report(self) -> Report:
        return self.names.report


#: A step without what follows it; None if something is wrong with the action.
Made = Step | None
Make = Callable[[Action, Context], Made]


def has_keys(action: Action, context: Context, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> bool:
    return checks.has_keys(action.config, required, optional, action.at, context.report)


def _text_at(action: Action, key: str, context: Context) -> bool:
    return checks.is_text(action.config[key], child(action.at, key), context.report)


def _object_at(action: Action, key: str, context: Context) -> dict[str, Any]:
    value = action.config.get(key, {})
    return value if checks.is_object(value, child(action.at, key), context.report) else {}


def seconds_of(action: Action, context: Context, otherwise: float, most: float) -> float:
    value = action.config.get("timeout", otherwise)
    good = checks.is_seconds(value, most, child(action.at, "timeout"), context.report)
    return float(value) if good else otherwise


# --- httpRequest ---


def _http_request(action: Action, context: Context) -> Made:
    config, report, at = action.config, context.report, action.at
    optional = ("method", "headers", "query", "body", "timeout", "retries", "secrets")
    if not has_keys(action, context, ("url",), optional):
        return None
    _check_url(config["url"], child(at, "url"), report)
    checks.is_word(config.get("method", "GET"), words.HTTP_METHODS, child(at, "method"), report, "method-unknown")
    headers, query = _object_at(action, "headers", context), _object_at(action, "query", context)
    secrets = _secrets(config.get("secrets", {}), headers, at, report)
    seconds = seconds_of(action, context, words.HTTP_SECONDS, words.HTTP_SECONDS_LIMIT)
    retries = config.get("retries", words.RETRIES)
    if not checks.is_whole(retries, 0, words.RETRIES_LIMIT, child(at, "retries"), report):
        retries = 0
    written: dict[str, Any] = {"method": config.get("method", "GET"), "url": as_text(config["url"])}
    written |= {"headers": {name: as_text(_header(value)) for name, value in headers.items()}} if headers else {}
    written |= {"query": query} if query else {}
    written |= {"body": config["body"]} if "body" in config else {}
    written |= {"timeout": seconds, "expect": _ANY_STATUS}
    checked = {key: config[key] for key in ("url", "headers", "query", "body") if key in config}
    return CallStep(
        executor="http",
        input=context.names.value(checked, at, written),
        config_from="input",
        secrets=secrets,
        retry=RetryPolicy(maximum_attempts=retries + 1),
        timeout=seconds + words.SLACK_SECONDS,
        save=action.save,
    )


def _header(value: Any) -> Any:
    """Numbers and words as text: nothing else can be sent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _check_url(url: Any, path: str, report: Report) -> None:
    good = isinstance(url, str) and (url.startswith(("http://", "https://")) or url.startswith("{{"))
    message = "expected a URL that begins with http:// or https://, or with an expression"
    checks.expect(good, path, report, "url-invalid", message)


def _secrets(value: Any, headers: Mapping[str, Any], at: str, report: Report) -> dict[str, str]:
    """Slot -> name of a secret; every header that is no text names a slot."""
    good = isinstance(value, dict) and all(isinstance(name, str) and name for name in value.values())
    message = "expected an object of names of secrets"
    if not checks.expect(good, child(at, "secrets"), report, "secrets-invalid", message):
        return {}
    for name, header in headers.items():
        path = child(child(at, "headers"), name)
        if isinstance(header, dict):
            slot = header.get("secret")
            message = "expected {secret: a slot of `secrets`, prefix?: text}"
            good = isinstance(slot, str) and slot in value and header.keys() <= {"secret", "prefix"}
            checks.expect(good, path, report, "secrets-invalid", message)
        else:
            checks.expect(isinstance(header, str | int | float), path, report, "text-expected", "expected a string")
    return dict(value)


# --- the others ---


def _create_event(action: Action, context: Context) -> Made:
    if not has_keys(action, context, ("event",), ("params", "allowTriggeringItself")):
        return None
    event, at, report = action.config["event"], child(action.at, "event"), context.report
    params, params_at = action.config.get("params", {}), child(action.at, "params")
    allowed = action.config.get("allowTriggeringItself", False)
    check_event(event, at, report)
    if not is_one_expression(params):
        checks.is_object(params, params_at, report)
    checks.is_boolean(allowed, child(action.at, "allowTriggeringItself"), report)
    if not isinstance(event, str):
        return None
    name = events.scoped(context.project, event)
    shown = {"event": event, "params": params}
    return PublishStep(
        input=context.names.value(shown, action.at),
        event=context.names.text(name, at) if is_dynamic(event) else name,
        payload=context.names.value(params, params_at),
        watch=allowed is not True,
        save=action.save,
    )


def check_event(value: Any, path: str, report: Report) -> bool:
    return checks.is_name(value, path, report, "event-name-invalid", events.EVENT_LIMIT)


def variable_of(action: Action) -> str:
    """What `$var` calls the value of a variable action: its config's `name`, or else the action's key."""
    name = action.config.get("name")
    return name if isinstance(name, str) else action.key


def _variable(action: Action, context: Context) -> Made:
    if not has_keys(action, context, ("value",), ("name",)):
        return None
    if "name" in action.config:
        at = child(action.at, "name")
        checks.is_name(action.config["name"], at, context.report, "name-invalid", words.ACTION_NAME_LIMIT)
    value = context.names.value(action.config["value"], child(action.at, "value"))
    return AssignStep(input=value, save=Save(input=["var", variable_of(action)], output=action.save.output))


def _return(action: Action, context: Context) -> Made:
    if not has_keys(action, context, (), ("status", "headers", "body")):
        return None
    status, at = action.config.get("status", 200), child(action.at, "status")
    whole = isinstance(status, int) and not isinstance(status, bool) and 200 <= status <= 599
    message = "expected a number from 200 to 599, or an expression"
    checks.expect(whole or is_one_expression(status), at, context.report, "status-invalid", message)
    headers = _object_at(action, "headers", context)
    for name, value in headers.items():
        path = child(child(action.at, "headers"), name)
        checks.expect(isinstance(value, str | int | float), path, context.report, "text-expected", "expected a string")
    written = {"status": status, "headers": {name: as_text(_header(value)) for name, value in headers.items()}}
    written |= {"body": action.config["body"]} if "body" in action.config else {}
    shown = {key: action.config[key] for key in ("status", "headers", "body") if key in action.config}
    value = context.names.value(shown, action.at, written)
    return AssignStep(input=value, save=Save(output=[RESPONSE]))


def _delay(action: Action, context: Context) -> Made:
    given, report = [key for key in ("seconds", "duration") if key in action.config], context.report
    if not has_keys(action, context, (), ("seconds", "duration")):
        return None
    if not checks.expect(len(given) == 1, action.at, report, "duration-invalid", "expected `seconds` or `duration`"):
        return None
    value, at = action.config[given[0]], child(action.at, given[0])
    if given == ["seconds"] and is_one_expression(value):
        return SleepStep(seconds=context.names.value(value, at), input=context.names.value({"seconds": value}, at))
    seconds = _delay_seconds(given[0], value, at, report)
    return SleepStep(seconds=seconds, input=Expression(language="literal", source={"seconds": seconds}))


def _delay_seconds(key: str, value: Any, path: str, report: Report) -> float:
    try:
        if key == "duration":
            if not isinstance(value, str):
                raise ValueError(f"expected text such as {words.DURATIONS.example!r}")
            return total(value, words.DURATIONS)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST:
            raise ValueError("expected a number of seconds, or one expression that gives one")
        return float(value)
    except ValueError as error:
        report.add("duration-invalid", path, str(error))
        return 0.0


#: Type -> what compiles it.
ACTIONS: dict[str, Make] = {
    "httpRequest": _http_request,
    "variable": _variable,
    "return": _return,
    "delay": _delay,
    "createEvent": _create_event,
}
