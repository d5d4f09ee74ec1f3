"""From a workflow's JSON to the one model."""

from __future__ import annotations

import re
from typing import Any

from definitions.dialects.jsworkflows import checks, words
from definitions.dialects.jsworkflows.operations import Context, make_action
from definitions.dialects.jsworkflows.problems import new_report
from definitions.dialects.jsworkflows.scope import Scope
from definitions.json_path import child
from definitions.model import Block, BranchesStep, Definition, Expression
from definitions.report import Report

CLASS = re.compile(r"\bclass\s+Workflow\b")
_SECRET = re.compile(r"[A-Z_][A-Z0-9_]{0,99}", re.ASCII)
SECRETS_LIMIT = 100
INPUT = "input"


def compile_document(document: Any) -> Definition:
    """`{name, trigger, source, secrets?}` or `{name, trigger, steps, secrets?}`. Raises DefinitionError."""
    report = new_report()
    if not checks.expect(isinstance(document, dict), "$", report, "document-invalid", "expected an object"):
        report.check()
    forms = [form for form in ("source", "steps") if form in document]
    message = "expected exactly one of `source` and `steps`"
    if not checks.expect(len(forms) == 1, "$", report, "form-invalid", message):
        report.check()
    optional = ("secrets", "methods") if forms == ["source"] else ("secrets",)
    checks.has_keys(document, ("name", "trigger", forms[0]), optional, "$", report)
    name = document.get("name", "?")
    message = "expected a string of 1 to 200 printable characters"
    checks.expect(checks.is_name(name), "$.name", report, "name-invalid", message)
    if "trigger" in document:
        _check_trigger(document["trigger"], report)
    secrets = _secrets(document.get("secrets", []), report)
    parts = _source(document, report) if forms == ["source"] else _steps(document["steps"], secrets, report)
    report.check()
    step = BranchesStep(
        label="workflow",
        first=words.START,
        input=Expression(language="passthrough", source={"data": INPUT}),
        secrets={secret: words.secret_name(name, secret) for secret in secrets},
        **parts,
    )
    block = Block(start=words.STEP, steps={words.STEP: step})
    return Definition(dialect=words.DIALECT, name=name, body=block, save_input=[INPUT])


def _check_trigger(trigger: Any, report: Report) -> None:
    kind = trigger.get("type") if isinstance(trigger, dict) else None
    if not isinstance(kind, str):
        report.add("trigger-invalid", "$.trigger", "expected an object such as {'type': 'http'}")
    elif kind in words.OTHER_TRIGGERS:
        message = f"the trigger {kind!r} is not served; `http` is"
        report.add("trigger-unsupported", "$.trigger.type", message, unsupported=True)
    elif kind != words.HTTP:
        report.add("trigger-unknown", "$.trigger.type", f"there is no trigger {kind[:80]!r}")
    else:
        checks.has_keys(trigger, ("type",), (), "$.trigger", report)


def _secrets(raw: Any, report: Report) -> list[str]:
    good = isinstance(raw, list) and len(raw) <= SECRETS_LIMIT
    good = good and all(isinstance(name, str) and _SECRET.fullmatch(name) for name in raw)
    message = f"expected at most {SECRETS_LIMIT} distinct names of capital letters, digits and _"
    good = checks.expect(good and len(set(raw)) == len(raw), "$.secrets", report, "secrets-invalid", message)
    return list(raw) if good else []


# --- a class ---


def _source(document: dict[str, Any], report: Report) -> dict[str, Any]:
    source, methods = document["source"], document.get("methods")
    if not checks.expect(isinstance(source, str), "$.source", report, "source-invalid", "expected text"):
        return {}
    good = methods is None or (isinstance(methods, list) and all(checks.is_name(name) for name in methods))
    if not checks.expect(good, "$.methods", report, "methods-invalid", "expected a list of names"):
        return {}
    has_class = CLASS.search(source) is not None
    if checks.expect(has_class, "$.source", report, "class-missing", "expected `export class Workflow { … }`"):
        message = "expected a method `async start(data, headers, api)`"
        checks.expect(_has(words.START, source, methods), "$.source", report, "start-missing", message)
    hooks = {hook: hook if _has(hook, source, methods) else None for hook in words.HOOKS}
    return {
        "shim": words.SHIM,
        "source": source,
        "completed": hooks[words.COMPLETED],
        "failed": hooks[words.FAILED],
    }


def _has(method: str, source: str, methods: list[str] | None) -> bool:
    """Whether the class has a method: as a worker has found, or else as far as the text tells."""
    return re.search(rf"\b{method}\b", source) is not None if methods is None else method in methods


# --- lists of operations ---


def _steps(raw: Any, secrets: list[str], report: Report) -> dict[str, Any]:
    if not checks.expect(isinstance(raw, dict), "$.steps", report, "steps-invalid", "expected an object"):
        return {}
    checks.expect(words.START in raw, "$.steps", report, "start-missing", "expected an action `start`")
    made: dict[str, list[dict[str, Any]]] = {}
    for name, operations in raw.items():
        path = child("$.steps", name)
        message = "expected an identifier of at most 200 characters"
        if checks.expect(checks.is_identifier(name), path, report, "action-name-invalid", message):
            context = Context(report, raw.keys(), name in words.HOOKS, Scope(report, secrets))
            made[name] = make_action(operations, path, context)
    return {
        "operations": made,
        "completed": words.COMPLETED if words.COMPLETED in made else None,
        "failed": words.FAILED if words.FAILED in made else None,
    }
