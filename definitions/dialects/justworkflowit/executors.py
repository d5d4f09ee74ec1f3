"""The executors that steps can name, and what each takes as `config`: one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from definitions.dialects.justworkflowit import checks
from definitions.dialects.justworkflowit.children import check_children
from definitions.dialects.justworkflowit.document import Source
from definitions.dialects.justworkflowit.problems import Report
from definitions.json_path import child

NOOP = "/justworkflowit/noop"
WAIT = "/justworkflowit/waitForEventIds"
CHILDREN = "/justworkflowit/runChildJob"
MARKETPLACE = "/justworkflowit/runMarketplaceJob"
LAMBDA = "/justworkflowit/aws/lambda"
CLOUD_FUNCTION = "/justworkflowit/gcp/cloudfunction"

EVENT_ID_LIMIT = 200

#: Returns what is wrong with a value, or None.
ValueCheck = Callable[[Any], "str | None"]
ConfigCheck = Callable[[dict[str, Any], str, Report], None]


def _text(pattern: str = ".+", says: str = "a string that is not empty") -> ValueCheck:
    compiled = re.compile(pattern, re.DOTALL | re.ASCII)

    def check(value: Any) -> str | None:
        good = isinstance(value, str) and len(value) <= 2048 and compiled.fullmatch(value)
        return None if good else f"expected {says}"

    return check


def _milliseconds(value: Any) -> str | None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 86_400_000
    return None if good else "expected a number of milliseconds, at most one day"


@dataclass(frozen=True)
class Keys:
    """A flat config: every key with the check of its value."""

    required: Mapping[str, ValueCheck]
    optional: Mapping[str, ValueCheck]

    def __call__(self, config: dict[str, Any], path: str, report: Report) -> None:
        known = {**self.required, **self.optional}
        checks.check_keys(config, known, self.required, path, report, ("config-key-unknown", "config-key-missing"))
        for key, value in config.items():
            if key in known and (message := known[key](value)) is not None:
                report.add("config-value-invalid", child(path, key), message)


def _check_wait(config: dict[str, Any], path: str, report: Report) -> None:
    codes = ("config-key-unknown", "config-key-missing")
    if not checks.check_keys(config, ("eventIds",), ("eventIds",), path, report, codes):
        return
    ids, at = config["eventIds"], child(path, "eventIds")
    if not checks.is_list(ids, at, report, "config-value-invalid"):
        return
    if not ids:
        report.add("event-ids-empty", at, "a wait needs at least one event")
    for index, event in enumerate(ids):
        if not isinstance(event, str) or not 0 < len(event) <= EVENT_ID_LIMIT:
            report.add(
                "config-value-invalid", child(at, index), f"expected a string of 1 to {EVENT_ID_LIMIT} characters"
            )
        elif event in ids[:index]:
            report.add("event-id-repeated", child(at, index), "this event is named twice")


@dataclass(frozen=True)
class Builtin:
    check: ConfigCheck
    needs_config: bool = True


# The patterns are those of the services: the parts become host names and resource names.
BUILTINS: dict[str, Builtin] = {
    NOOP: Builtin(Keys({}, {}), needs_config=False),
    WAIT: Builtin(_check_wait),
    CHILDREN: Builtin(check_children),
    LAMBDA: Builtin(
        Keys(
            {
                "region": _text(r"[a-z]{2}(-[a-z]{2,16}){1,3}-[0-9]{1,2}", "an AWS region such as us-east-1"),
                "accountId": _text(r"[0-9]{12}", "an AWS account id of 12 digits"),
                "functionName": _text(r"[A-Za-z0-9_-]{1,64}", "the name of a Lambda function"),
            },
            {
                "qualifier": _text(r"[A-Za-z0-9_-]{1,128}|[$]LATEST([.]PUBLISHED)?", "a version or alias"),
                "timeoutMs": _milliseconds,
            },
        )
    ),
    CLOUD_FUNCTION: Builtin(
        Keys(
            {
                "functionUrl": _text(
                    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/(?![.]{1,2}(/|$))[A-Za-z0-9_.~-]*)*",
                    "an http or https URL without query or encoded characters",
                ),
                "serviceAccountEmail": _text(r"[A-Za-z0-9.-]+@[A-Za-z0-9.-]+", "a service account's address"),
            },
            {"projectId": _text(), "region": _text(), "workloadIdentityPoolProvider": _text()},
        )
    ),
}


def check_executor(step: Source, executors: Mapping[str, Any], report: Report) -> None:
    """The type must be one that is there, and the config must fit it.

    `executors` are the team's own: name -> object; if that has a `config_schema`, the config is checked against it.
    """
    path = f"{step.details_path}.config"
    config = step.details.get("config")
    if step.type == MARKETPLACE:
        message = "marketplace listings are not available here"
        report.add("executor-unsupported", f"{step.details_path}.type", message, unsupported=True)
    elif (builtin := BUILTINS.get(step.type)) is not None:
        if config is None and builtin.needs_config:
            report.add("config-missing", path, f"{step.type} needs a `config`")
        if config is not None:
            builtin.check(config, path, report)
    elif step.type in executors:
        _check_own(config, getattr(executors[step.type], "config_schema", None), path, report)
    else:
        report.add("executor-unknown", f"{step.details_path}.type", f"there is no executor {step.type[:80]!r}")


def _check_own(config: Any, schema: Any, path: str, report: Report) -> None:
    if schema is None:
        return
    if config is None:
        report.add("config-missing", path, "this executor needs a `config`")
        return
    # The schema is the team's own code, so it may use what a definition's may not, such as patterns.
    for error in sorted(Draft202012Validator(schema).iter_errors(config), key=lambda error: error.json_path)[:1]:
        report.add("config-value-invalid", path + error.json_path[1:], error.message[:300])
