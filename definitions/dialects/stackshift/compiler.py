"""From a job's JSON to the one model."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from definitions.dialects.stackshift import checks, words
from definitions.dialects.stackshift.problems import new_report
from definitions.dialects.stackshift.scope import PAYLOAD, Scope
from definitions.dialects.stackshift.source import job_named
from definitions.dialects.stackshift.steps import Context, make_step
from definitions.json_path import child
from definitions.model import Block, CodeStep, Definition, Expression, RetryPolicy, Step
from definitions.report import Report


def compile_document(document: Any, executors: Mapping[str, Any]) -> Definition:
    """`{"definition": …}`, `{"source": …}`, or a definition by itself. Raises DefinitionError."""
    report = new_report()
    if not checks.is_object(document, "$", report, "document-invalid"):
        report.check()
    if "source" in document and "definition" not in document:
        return _code(document, report)
    if "definition" in document and "source" not in document:
        checks.has_keys(document, ("definition",), (), "$", report)
        return _steps(document["definition"], "$.definition", executors, report)
    if "steps" in document and "definition" not in document:
        return _steps(document, "$", executors, report)
    report.add("form-invalid", "$", "expected `definition` or `source`")
    report.check()
    raise AssertionError


def _steps(raw: Any, path: str, executors: Mapping[str, Any], report: Report) -> Definition:
    if not checks.is_object(raw, path, report, "definition-invalid"):
        report.check()
    checks.has_keys(raw, ("name", "steps"), ("maxAttempts", "return"), path, report)
    name = _name(raw, path, report)
    attempts = _attempts(raw, path, report)
    context = Context(executors, report, Scope(report))
    steps = _chain(raw.get("steps", []), child(path, "steps"), context) if "steps" in raw else {}
    result = Expression(language="literal", source=None)
    if "return" in raw:
        result = context.scope.expression(raw["return"], child(path, "return"))
    report.check()
    return Definition(
        dialect=words.DIALECT,
        name=name,
        body=Block(start=next(iter(steps)), steps=steps),
        save_input=[PAYLOAD],
        attempts=attempts,
        result=result,
    )


def _chain(raw: Any, path: str, context: Context) -> dict[str, Step]:
    """The steps by name, each followed by the next; names that come again get the number of their occurrence."""
    if not checks.expect(isinstance(raw, list), path, context.report, "steps-invalid", "expected a list"):
        return {}
    checks.expect(len(raw) > 0, path, context.report, "steps-empty", "a job needs at least one step")
    made = [make_step(item, child(path, index), context) for index, item in enumerate(raw)]
    named: dict[str, Step] = {}
    for one in made:
        if one is not None:
            named[_free(one[0], named)] = one[1]
    following = dict(pairwise(named))
    return {name: step.model_copy(update={"next": following.get(name)}) for name, step in named.items()}


def _free(name: str, taken: Mapping[str, Any]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free


def _code(document: dict[str, Any], report: Report) -> Definition:
    checks.has_keys(document, ("source",), ("name", "maxAttempts"), "$", report)
    attempts = _attempts(document, "$", report)
    source = document["source"]
    if checks.expect(isinstance(source, str), "$.source", report, "source-invalid", "expected text"):
        name = _name(document, "$", report) if "name" in document else job_named(source, report)
    report.check()
    handler = CodeStep(
        label=words.HANDLER_LABEL,
        shim=words.SHIM,
        handler=name,
        source=source,
        input=Expression(language="passthrough", source={"data": PAYLOAD}),
    )
    return Definition(
        dialect=words.DIALECT,
        name=name,
        body=Block(start=words.HANDLER, steps={words.HANDLER: handler}),
        save_input=[PAYLOAD],
        attempts=attempts,
    )


def _name(raw: dict[str, Any], path: str, report: Report) -> str:
    name = raw.get("name", "?")
    at = child(path, "name")
    # A slash could not be told from the end of the name in the path of a request.
    if checks.is_name(name, at, report, "name-invalid"):
        checks.expect("/" not in name, at, report, "name-invalid", "a job's name has no slash")
    return str(name)


def _attempts(raw: dict[str, Any], path: str, report: Report) -> RetryPolicy:
    given = raw.get("maxAttempts", words.DEFAULT_ATTEMPTS)
    good = checks.is_whole(given, 1, words.ATTEMPTS_LIMIT, child(path, "maxAttempts"), report, "max-attempts-invalid")
    return attempts(given if good else 1)


def attempts(most: int) -> RetryPolicy:
    """How a run is tried again that has so many attempts in all."""
    return RetryPolicy(
        maximum_attempts=most,
        initial_interval=words.FIRST_PAUSE,
        backoff_coefficient=words.PAUSE_FACTOR,
        maximum_interval=words.LONGEST_PAUSE,
    )
