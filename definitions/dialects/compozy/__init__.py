"""Compozy's workflows: YAML or JSON text -> Definition. A document is one workflow, or a list `workflows` of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import json_text
from definitions.dialects.compozy import document
from definitions.dialects.compozy.compiler import compile_workflow, defaults_of, read_signals
from definitions.dialects.compozy.problems import CODES
from definitions.dialects.compozy.triggers import Signal, Webhook
from definitions.dialects.compozy.words import DIALECT, DURATIONS, LIVE_TAG
from definitions.errors import DefinitionError, InputInvalid, NotFound, Problem
from definitions.json_path import child
from definitions.listeners import Occurrence, Trigger
from definitions.model import Definition
from definitions.schemas import first_error

__all__ = [
    "CODES",
    "DIALECT",
    "DURATIONS",
    "LIVE_TAG",
    "Webhook",
    "api_only",
    "check_input",
    "compile_text",
    "listening",
    "minified_sha256",
    "recognises",
    "run_input",
    "split",
    "starting_at",
    "triggers",
    "webhooks",
]


class _Executors(dict[str, Any]):
    """The team's executors as a key of the cache: they do not change while a process runs."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


def compile_text(text: str, *, executors: Mapping[str, Any] | None = None, analyse: bool = True) -> Definition:
    """Check and compile a workflow, or a document with one; the result is cached. `analyse` changes nothing.

    Raises DefinitionError with everything that has been found.
    """
    return _compiled(text, _Executors(executors or {}))


@lru_cache(maxsize=256)
def _compiled(text: str, executors: _Executors) -> Definition:
    workflow, path = document.only(document.parse(text))
    return compile_workflow(workflow, path, executors)


def split(text: str) -> dict[str, str]:
    """Every workflow of a document as a text by itself, by its path in the document. Raises DefinitionError."""
    placed = document.workflows(document.parse(text))
    return {path: text if path == "$" else document.text_of(workflow) for workflow, path in placed}


def api_only(text: str) -> list[Problem]:
    """Webhooks: their slugs have to be claimed, and their secrets sealed."""
    workflow, path = document.only(document.parse(text))
    where = child(path, "triggers")
    message = "a workflow with webhooks is saved by PUT /workflows/{id} only"
    return [
        Problem("feature-unsupported", child(where, index), message, unsupported=True)
        for index, trigger in enumerate(workflow.get("triggers") or [])
        if isinstance(trigger, dict) and trigger.get("type") == "webhook"
    ]


def starting_at(definition: Definition, task_id: str) -> Definition:
    """The definition with another of its tasks as the first. Raises NotFound."""
    steps = definition.body.steps
    if task_id not in steps or ":" in task_id:
        raise NotFound(f"the workflow {definition.name!r} has no task {task_id[:80]!r}")
    first = next(name for name in (f"{task_id}:condition", f"{task_id}:input", task_id) if name in steps)
    return definition.model_copy(update={"body": definition.body.model_copy(update={"start": first})})


def check_input(definition: Definition, has_input: bool, value: Any) -> None:
    """Raises InputInvalid unless the input, {} if there is none, is an object and, with the defaults of its properties,
    fits the workflow's schema."""
    given = value if has_input and value is not None else {}
    if not isinstance(given, dict):
        raise InputInvalid("the input of a workflow is an object")
    if definition.input_schema is not None:
        problem = first_error(definition.input_schema, {**defaults_of(definition.input_schema), **given})
        if problem is not None:
            raise InputInvalid(problem[1], problem[0])


def minified_sha256(text: str) -> str:
    """SHA-256, in hex, of the document as JSON without white space, keys in the order given. Raises DefinitionError."""
    return hashlib.sha256(document.text_of(document.parse(text)).encode()).hexdigest()


def recognises(text: str) -> bool:
    """Whether a text looks like a workflow, an object with `id` and a list `tasks`, or like a list of such."""
    if len(text) > json_text.SIZE_LIMIT:
        return False
    try:
        value = document.parse(text)
    except (DefinitionError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    listed = isinstance(value.get("workflows"), list) and "definitions" not in value
    return listed or ("id" in value and isinstance(value.get("tasks"), list))


# --- what starts workflows ---


def listening(tags: Mapping[str, int]) -> int | None:
    """The version that events start: the current one."""
    return tags.get(LIVE_TAG)


def triggers(text: str) -> dict[str, Trigger]:
    """Signal name -> its trigger. Raises DefinitionError."""
    found = read_signals(*document.only(document.parse(text)))
    return {one.name: Trigger(one.schema) for one in found if isinstance(one, Signal)}


def webhooks(text: str) -> list[Webhook]:
    """The webhooks of a workflow. Raises DefinitionError."""
    found = read_signals(*document.only(document.parse(text)))
    return [one for one in found if isinstance(one, Webhook)]


def run_input(event: Occurrence) -> Any:
    """A workflow that a signal starts is given its payload."""
    return event.payload if event.has_payload and event.payload is not None else {}
