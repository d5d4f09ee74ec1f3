"""From a workflow to the one model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.basic import basic
from definitions.dialects.compozy.blocks import Builder, Maker
from definitions.dialects.compozy.containers import collection, composite, parallel
from definitions.dialects.compozy.context import Context, checked_schema, retry_at, schema_at
from definitions.dialects.compozy.executables import read_executables
from definitions.dialects.compozy.layout import all_tasks
from definitions.dialects.compozy.problems import new_report
from definitions.dialects.compozy.scope import Names, at, compose, literal, part, path, plain
from definitions.dialects.compozy.tasks import aggregate, router, signal, with_env
from definitions.dialects.compozy.triggers import Signal, Webhook, read_triggers
from definitions.dialects.compozy.waits import wait
from definitions.json_path import child
from definitions.model import Block, Definition, Expression
from definitions.report import Report

_MAKERS: dict[str, Maker] = {
    "basic": basic,
    "signal": signal,
    "wait": wait,
    "router": router,
    "parallel": parallel,
    "collection": collection,
    "composite": composite,
    "aggregate": aggregate,
}
#: As in templates, and as in conditions, in the JSON of a workflow.
_INPUT_OF = re.compile(r"tasks(?:\.|\[\\?[\"'])([A-Za-z0-9_][\w-]*)(?:\\?[\"']\])?\.input\b")


def compile_workflow(workflow: dict[str, Any], where: str, executors: Mapping[str, Any]) -> Definition:
    """The definition of a workflow, which stands at `where` in its document. Raises DefinitionError."""
    report = new_report()
    _check_top(workflow, where, report)
    schemas = _schemas(workflow, where, report)
    config = checks.objects_at(workflow, "config", where, report)
    checks.has_keys(config, (*words.CONFIG_KEYS, *words.CONFIG_IGNORED), child(where, "config"), report)
    read_triggers(workflow, where, schemas, report)
    tasks = checks.list_at(workflow, "tasks", where, report)
    if isinstance(workflow.get("tasks") or [], list) and not tasks:
        report.add("tasks-empty", child(where, "tasks"), "a workflow needs at least one task")
    input_schema = schema_at(config, "input", child(where, "config"), schemas, report)
    known = all_tasks(tasks, child(where, "tasks"), report)
    names = _names(workflow, config, where, known, defaults_of(input_schema), report)
    executables = read_executables(workflow, where, executors, report)
    context = _context(config, where, Context(report, names, executables, schemas, _inputs(workflow)))
    body = _body(tasks, config, where, context)
    outputs = checks.objects_at(workflow, "outputs", where, report)
    finished = names.template(outputs, child(where, "outputs"))
    report.check()
    assert body is not None
    every = compose(pick=part(at("tasks", otherwise={})), keys=["output"])
    made = Definition(
        dialect=words.DIALECT,
        name=workflow["id"],
        body=body,
        save_input=["workflow", "input"],
        data=_data(workflow, config),
        save_run_id=["workflow", "exec_id"],
        run_id_form="ksuid",
        merged=["tasks"],
        input_schema=input_schema,
        result=finished if workflow.get("outputs") is not None else every,
    )
    return _bounded(made, where, report)


def _context(config: dict[str, Any], where: str, context: Context) -> Context:
    """The context with the policies that hold for all tasks."""
    at_config = child(where, "config")
    timeout = checks.seconds_at(config, "start_to_close_timeout", at_config, context.report)
    return replace(context, retry=retry_at(config, at_config, context.report), timeout=timeout)


def _bounded(made: Definition, where: str, report: Report) -> Definition:
    size = len(json.dumps(made.dump(), separators=(",", ":")))
    message = f"the workflow comes to {size} bytes, and {words.COMPILED_LIMIT} are taken: split it in several"
    checks.expect(size <= words.COMPILED_LIMIT, where, report, "workflow-too-large", message)
    report.check()
    return made


def read_signals(workflow: dict[str, Any], where: str) -> list[Signal | Webhook]:
    """The triggers of a workflow. Raises DefinitionError."""
    report = new_report()
    found = read_triggers(workflow, where, _schemas(workflow, where, report), report)
    report.check()
    return found


def _check_top(workflow: dict[str, Any], where: str, report: Report) -> None:
    checks.has_keys(
        workflow,
        (*words.WORKFLOW_KEYS, *words.WORKFLOW_IGNORED),
        where,
        report,
        unsupported=words.WORKFLOW_UNSUPPORTED,
    )
    name, at_id = workflow.get("id"), child(where, "id")
    if checks.is_name(name, at_id, report, "workflow-id-invalid"):
        # A slash could not be told from the end of the id in the path of a request.
        checks.expect("/" not in str(name), at_id, report, "workflow-id-invalid", "a workflow's id has no slash")
    schedule = workflow.get("schedule")
    if schedule not in (None, {}) and not (isinstance(schedule, dict) and schedule.get("enabled") is False):
        message = "schedules are not supported by Tidegate; `enabled: false` turns one off"
        report.add("feature-unsupported", child(where, "schedule"), message, unsupported=True)


def _schemas(workflow: dict[str, Any], where: str, report: Report) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for index, raw in enumerate(checks.list_at(workflow, "schemas", where, report)):
        at_schema = child(child(where, "schemas"), index)
        schema = checked_schema(raw, at_schema, report)
        if schema is not None and checks.is_name(raw.get("id"), child(at_schema, "id"), report):
            found[raw["id"]] = schema
    return found


def _names(
    workflow: dict[str, Any],
    config: dict[str, Any],
    where: str,
    tasks: dict[str, tuple[str, str]],
    defaults: dict[str, Any],
    report: Report,
) -> Names:
    names = Names(report, tasks, given=_given(defaults))
    given = names.given
    names = names.bound(**{"input": given, "with": given})
    if defaults:
        fields = compose(merge=[part(at("workflow")), part(_entry("input", given))])
        names = names.bound(workflow=fields)
    if workflow.get("triggers"):
        names = names.bound(trigger=_entry("payload", given))
    names = with_env(names, config, child(where, "config"))
    return with_env(names, workflow, where)


def _given(defaults: dict[str, Any]) -> Expression:
    given = path("${workflow.input}")
    return compose(merge=[part(literal(defaults)), part(given)]) if defaults else given


def _entry(key: str, value: Expression) -> Expression:
    """An object with one key."""
    return compose(**{"let": {"value": part(value)}, "in": part(path({key: "${value}"}))})


def defaults_of(schema: dict[str, Any] | None) -> dict[str, Any]:
    """What an input is given where it has no such property itself."""
    properties = (schema or {}).get("properties")
    entries = properties.items() if isinstance(properties, dict) else ()
    return {key: one["default"] for key, one in entries if isinstance(one, dict) and "default" in one}


def _data(workflow: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """What can always be named, though nothing may be in it."""
    about = {"id": workflow["id"], "status": "RUNNING", "input": {}, "output": {}, "config": config}
    empty: dict[str, Any] = {name: {} for name in ("tasks", "env", "output", "trigger", "tools", "agents", "project")}
    version = {"version": workflow["version"]} if "version" in workflow else {}
    return {"workflow": {**about, **version}, **empty}


def _inputs(workflow: dict[str, Any]) -> frozenset[str]:
    """Tasks whose input is named somewhere. Of a container that can only be told by its tasks naming their parent."""
    text = json.dumps(workflow, ensure_ascii=False)
    named = {plain(name) for name in _INPUT_OF.findall(text)}
    return frozenset(named | (_containers(workflow) if ".parent" in text or "parent." in text else set()))


def _containers(value: Any) -> set[str]:
    found: set[str] = set()
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict):
            if one.get("type") in ("parallel", "collection", "composite") and isinstance(one.get("id"), str):
                found.add(plain(one["id"]))
            pending += one.values()
        elif isinstance(one, list):
            pending += one
    return found


def _body(tasks: list[Any], config: dict[str, Any], where: str, context: Context) -> Block | None:
    raw, at_error = checks.objects_at(config, "on_error", child(where, "config"), context.report), "on_error"
    fallback = raw.get("next")
    checks.has_keys(raw, ("next",), child(child(where, "config"), at_error), context.report)
    builder = Builder(context, "named", _MAKERS, fallback if isinstance(fallback, str) else None)
    placed = [(one, child(child(where, "tasks"), index), None) for index, one in enumerate(tasks)]
    body = builder.build(placed)
    if fallback is not None:
        builder.check_target(fallback, child(child(child(where, "config"), at_error), "next"))
    return body
