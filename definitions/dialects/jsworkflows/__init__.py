"""JsWorkflows' workflows: JSON text -> Definition. A workflow is a class in JavaScript, or lists of operations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from definitions import json_text
from definitions.dialects.jsworkflows.compiler import CLASS, compile_document
from definitions.dialects.jsworkflows.problems import CODES, new_report
from definitions.dialects.jsworkflows.words import (
    DIALECT,
    DURATIONS,
    LIVE_TAG,
    SHIM,
    START,
    STEP,
    secret_name,
)
from definitions.model import Block, BranchesStep, Definition

__all__ = [
    "CODES",
    "DIALECT",
    "DURATIONS",
    "LIVE_TAG",
    "SHIM",
    "STEP",
    "as_test",
    "check_input",
    "compile_text",
    "document",
    "inspected",
    "minified_sha256",
    "recognises",
    "secret_name",
    "text_of",
]


def compile_text(text: str, *, executors: Mapping[str, Any] | None = None, analyse: bool = True) -> Definition:
    """Check and compile a workflow; the result is cached. Every check is cheap, so `analyse` changes nothing.

    The text is `{"name", "trigger", "source", "secrets"?}` or the same with `steps`. Raises DefinitionError with
    everything that has been found. Executors of teams have no part in it.
    """
    return _compiled(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Definition:
    return compile_document(json_text.parse(text))


def as_test(definition: Definition) -> Definition:
    """The same workflow for a test run: links are stand-ins, and nothing waits for one."""
    step = definition.body.steps[STEP]
    assert isinstance(step, BranchesStep)
    block = Block(start=STEP, steps={STEP: step.model_copy(update={"test": True})})
    return definition.model_copy(update={"body": block})


def inspected(document: dict[str, Any], methods: Sequence[str]) -> dict[str, Any]:
    """A document of the source form with the methods of its class in it. Raises DefinitionError without `start`."""
    report = new_report()
    if START not in methods:
        report.add("start-missing", "$.source", "expected a method `async start(data, headers, api)`")
    report.check()
    return {**document, "methods": list(methods)}


def document(text: str) -> dict[str, Any]:
    """A workflow as it is registered. Raises DefinitionError."""
    value: dict[str, Any] = json_text.parse(text)
    return value


def check_input(definition: Definition, has_input: bool, value: Any) -> None:
    """Any data will do: a workflow does not say what it takes."""


def minified_sha256(text: str) -> str:
    """SHA-256, in hex, of the workflow without white space, keys in the order given. Raises DefinitionError."""
    return hashlib.sha256(text_of(json_text.parse(text)).encode()).hexdigest()


def text_of(document: Any) -> str:
    """A document as the text that is kept of it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def recognises(text: str) -> bool:
    """Whether a text looks like a workflow: a `class Workflow`, or a name and an object of steps or a trigger."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or "definition" in value or "definitions" in value:
        return False
    source = value.get("source")
    if isinstance(source, str):
        return CLASS.search(source) is not None
    return "name" in value and (isinstance(value.get("steps"), dict) or "trigger" in value)
