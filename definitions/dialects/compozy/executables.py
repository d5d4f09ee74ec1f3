"""Tools and agents: what each of them calls, as far as it is written out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jsonschema import Draft202012Validator

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.scope import is_template
from definitions.executor_configs import BUILT_IN, CONFIGS
from definitions.json_path import child
from definitions.report import Report


@dataclass(frozen=True)
class Executable:
    """A tool or an agent. `raw` is as it is written, at `path`."""

    kind: str
    raw: dict[str, Any]
    path: str

    @property
    def executor(self) -> str:
        return str(self.raw["type"])

    @property
    def config(self) -> dict[str, Any]:
        return dict(self.raw.get("config") or {})


@dataclass(frozen=True)
class Executables:
    """`tool` and `agent` -> id -> what it is. None has faults, which are in the report."""

    known: Mapping[str, Mapping[str, Executable | None]] = field(default_factory=dict)

    def find(self, kind: str, name: Any) -> tuple[bool, Executable | None]:
        of_kind = self.known.get(kind, {})
        return (name in of_kind, of_kind.get(name)) if isinstance(name, str) else (False, None)


def read_executables(workflow: dict[str, Any], path: str, executors: Mapping[str, Any], report: Report) -> Executables:
    """All tools and agents of a workflow."""
    known: dict[str, dict[str, Executable | None]] = {}
    for kind in ("tool", "agent"):
        found = known[kind] = {}
        where = child(path, f"{kind}s")
        for index, raw in enumerate(checks.list_at(workflow, f"{kind}s", path, report)):
            at = child(where, index)
            if not checks.is_object(raw, at, report) or not checks.is_name(raw.get("id"), child(at, "id"), report):
                continue
            if raw["id"] in found:
                report.add("executable-repeated", child(at, "id"), f"there is another {kind} {raw['id'][:80]!r}")
            good = _check(kind, raw, at, executors, report)
            found[raw["id"]] = Executable(kind, raw, at) if good else None
    return Executables(known)


def _check(kind: str, raw: dict[str, Any], path: str, executors: Mapping[str, Any], report: Report) -> bool:
    before = len(report.problems)
    agent = kind == "agent"
    checks.has_keys(
        raw,
        (*words.EXECUTABLE_KEYS, *words.EXECUTABLE_IGNORED, *(words.AGENT_KEYS + words.AGENT_IGNORED if agent else ())),
        path,
        report,
        unsupported=words.AGENT_UNSUPPORTED if agent else (),
    )
    if raw.get("type") is None:
        message = f"the {kind} {raw['id'][:80]!r} has no executor; give it `type` and `config`"
        report.add("executable-missing", path, message, unsupported=True)
        return False
    _check_executor(raw, path, executors, report)
    _check_secrets(raw, path, report)
    if agent:
        _check_actions(raw, path, report)
    return len(report.problems) == before


def _check_executor(raw: dict[str, Any], path: str, executors: Mapping[str, Any], report: Report) -> None:
    kind, config, at = raw["type"], raw.get("config", {}), child(path, "config")
    if not isinstance(kind, str) or (kind not in BUILT_IN and kind not in executors):
        known = ", ".join([*BUILT_IN, *sorted(executors)])
        message = f"there is no executor {str(kind)[:80]!r}; there are: {known}"
        report.add("executor-unknown", child(path, "type"), message)
    elif not checks.is_object(config, at, report):
        return
    elif kind in CONFIGS:
        _check_known(config, CONFIGS[kind], raw, at, report)
    elif kind in executors and not is_template(config):
        _check_value(config, getattr(executors[kind], "config_schema", None) or {}, at, report)


def _check_known(
    config: dict[str, Any], schemas: Mapping[str, Any], raw: dict[str, Any], path: str, report: Report
) -> None:
    """A built-in executor's config, as far as it is written out; its URL has to be there."""
    checks.has_keys(config, schemas, path, report)
    required = ["url"] if "url" in schemas else ["base_url"]
    given = {**({"model": raw["model"]} if isinstance(raw.get("model"), str) else {}), **config}
    for key in [*required, *(["model"] if "model" in schemas else [])]:
        checks.expect(key in given, child(path, key), report, "executor-config-invalid", f"{key!r} is missing")
    for key, value in config.items():
        if key in schemas and not is_template(value):
            _check_value(value, schemas[key], child(path, key), report)


def _check_value(value: Any, schema: Mapping[str, Any], path: str, report: Report) -> None:
    for error in sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: error.json_path)[:1]:
        report.add("executor-config-invalid", path + error.json_path[1:], error.message[:300])


def _check_secrets(raw: dict[str, Any], path: str, report: Report) -> None:
    value = raw.get("secrets", {})
    good = isinstance(value, dict) and all(isinstance(name, str) and name for name in value.values())
    message = "expected an object of names of secrets"
    checks.expect(good, child(path, "secrets"), report, "secrets-invalid", message)


def _check_actions(raw: dict[str, Any], path: str, report: Report) -> None:
    where = child(path, "actions")
    for index, action in enumerate(checks.list_at(raw, "actions", path, report)):
        at = child(where, index)
        if checks.is_object(action, at, report):
            checks.has_keys(action, (*words.ACTION_KEYS, *words.ACTION_IGNORED), at, report)
            checks.is_name(action.get("id"), child(at, "id"), report)
            if action.get("prompt") is not None:
                checks.is_text(action["prompt"], child(at, "prompt"), report)
    if raw.get("instructions") is not None:
        checks.is_text(raw["instructions"], child(path, "instructions"), report)
