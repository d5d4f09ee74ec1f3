"""From a checked document to the one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from definitions.dialects.justworkflowit import graph, schemas, transformers, transitions
from definitions.dialects.justworkflowit.children import compile_children
from definitions.dialects.justworkflowit.document import INPUT, Document, Source
from definitions.dialects.justworkflowit.executors import CHILDREN, CLOUD_FUNCTION, LAMBDA, NOOP, WAIT
from definitions.model import (
    AssignStep,
    Block,
    CallStep,
    ChildrenStep,
    Definition,
    Expression,
    PayloadRule,
    RetryPolicy,
    Save,
    Step,
    WaitStep,
)

DIALECT = "justworkflowit"

#: Type -> (executor, the longest time in seconds that the service itself allows a call, and some more).
_SERVICES = {LAMBDA: ("aws_lambda", 930.0), CLOUD_FUNCTION: ("gcp_cloudfunction", 3630.0)}

#: What a function gets beside its input: the member's name, and what each of its own members is.
_JOB_CONTEXT = {
    "as": "__jobContext",
    "fields": {"jobId": "run_id", "organizationId": "organisation", "secrets": "secrets"},
}


def compile_document(document: Document) -> Definition:
    """Steps that cannot be reached are left out; they were only checked for their form."""
    order = graph.reachable(document.start, document.following)
    before = graph.preceding(order, document.following)
    waits = [document.steps[name] for name in order if document.steps[name].type == WAIT]
    table = schemas.table(document.definitions, [_output(step) for step in waits])
    compilers: dict[str, _Compiler] = {**_COMPILERS, WAIT: partial(_wait, table)}
    steps = {name: _step(document, document.steps[name], before[name], compilers) for name in order}
    made = Definition(
        dialect=DIALECT,
        name=document.name,
        body=Block(start=document.start, steps=steps),
        save_input=[INPUT],
        input_schema=document.schema(INPUT) if INPUT in document.definitions else None,
    )
    return made.model_copy(update={"schemas": table.schemas}) if table.schemas else made


_Compiler = Callable[[Document, Source, dict[str, Any]], Step]


def _output(step: Source) -> str:
    output = step.definition("outputDefinition")
    assert output is not None
    return output


def _step(document: Document, step: Source, before: list[str], compilers: Mapping[str, _Compiler]) -> Step:
    common = {
        "label": step.type,
        "input": _input(document, step, before),
        "save": Save(input=[f"{step.name}Input"], output=[f"{step.name}Output"]),
        "next": transitions.compile_transition(step.transition),
    }
    return compilers.get(step.type, _call)(document, step, common)


def _input(document: Document, step: Source, before: list[str]) -> Expression | None:
    """The transformer's result; else the job's input, or what the step before has left, if that is what it takes.

    The vendor gives a step without a transformer no input at all, but its own approval flow counts on one.
    """
    if step.transformer is not None:
        return transformers.compile_transformer(step.transformer)
    name = step.definition("inputDefinition")
    if name is None:
        return None
    if name == INPUT:
        return Expression(language="passthrough", source={"data": INPUT})
    givers = [giver for giver in before if document.steps[giver].definition("outputDefinition") == name]
    if not givers or not schemas.properties(document.definitions, name):
        return None
    return Expression(language="passthrough", source={"after": {giver: f"{giver}Output" for giver in givers}})


def _noop(document: Document, step: Source, common: dict[str, Any]) -> Step:
    return AssignStep(**common)


def _wait(table: schemas.Table, document: Document, step: Source, common: dict[str, Any]) -> Step:
    """All events; their payloads, merged, are the output.

    One event may bring a part only, so the outermost `required` counts for the merged output alone. `timeoutSeconds`
    is no deadline: the vendor documents none for waits.
    """
    output = _output(step)
    rule = PayloadRule(object_only=True, schema=table.partial[output], merged=table.whole[output])
    return WaitStep(events=step.details["config"]["eventIds"], need="all", output="merge", payload=rule, **common)


def _children(document: Document, step: Source, common: dict[str, Any]) -> Step:
    return ChildrenStep(children=compile_children(step.details["config"]["children"], document.steps), **common)


def _call(document: Document, step: Source, common: dict[str, Any]) -> Step:
    """An activity: a cloud function, or one of the team's own executors by its name."""
    executor, longest = _SERVICES.get(step.type, (step.type, 900.0))
    config = dict(step.details.get("config") or {})
    if step.type in _SERVICES:
        config["context"] = _JOB_CONTEXT
    return CallStep(
        executor=executor,
        config=config,
        secrets=step.details.get("secretBindings", {}),
        retry=RetryPolicy(maximum_attempts=1 + int(step.raw.get("retries", 0))),
        timeout=float(step.raw.get("timeoutSeconds", longest)),
        **common,
    )


_COMPILERS: dict[str, _Compiler] = {
    NOOP: _noop,
    CHILDREN: _children,
}
