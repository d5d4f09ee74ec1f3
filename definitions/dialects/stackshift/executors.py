"""What a step may call: the built-in executors and the team's own, and what is known of their `config` beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from definitions.dialects.stackshift import checks
from definitions.dialects.stackshift.scope import ANY, NUMBER, OBJECT, Shape, has_dynamic, is_dynamic
from definitions.executor_configs import CONFIGS
from definitions.json_path import child
from definitions.report import Report

_HTTP = CONFIGS["http"]
#: Executor -> what is known of its output beforehand.
OUTPUTS: dict[str, Shape] = {
    "http": {"status": NUMBER, "headers": OBJECT, "body": ANY},
    "chat": ANY,
    "aws_lambda": ANY,
    "gcp_cloudfunction": ANY,
}


def check_executor(call: dict[str, Any], executors: Mapping[str, Any], path: str, report: Report) -> None:
    """The type must exist. Its config is checked as far as it is written out; the rest is checked before each call."""
    kind, config = call["type"], call.get("config", {})
    at = child(path, "config")
    if not isinstance(kind, str) or (kind not in OUTPUTS and kind not in executors):
        known = ", ".join([*OUTPUTS, *sorted(executors)])
        message = f"there is no executor {str(kind)[:80]!r}; there are: {known}"
        report.add("executor-unknown", child(path, "type"), message)
    elif not checks.is_object(config, at, report, "config-invalid"):
        return
    elif kind == "http":
        _check_http(config, at, report)
    elif kind in executors and not has_dynamic(config):
        schema = getattr(executors[kind], "config_schema", None)
        # The schema is the team's own code, so it may use what a definition's may not, such as patterns.
        _check_value(config, schema or {}, at, report)


def _check_http(config: dict[str, Any], path: str, report: Report) -> None:
    if checks.has_keys(config, ("url",), _HTTP, path, report):
        for key, value in config.items():
            if not is_dynamic(value):
                _check_value(value, _HTTP[key], child(path, key), report)


def _check_value(value: Any, schema: Mapping[str, Any], path: str, report: Report) -> None:
    for error in sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: error.json_path)[:1]:
        report.add("config-value-invalid", path + error.json_path[1:], error.message[:300])
