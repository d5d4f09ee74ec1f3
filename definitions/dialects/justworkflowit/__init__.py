"""JustWorkflowIt's definition language: JSON text -> Definition.

text -> structure (every key, everywhere) -> references, transitions and executors (of what can be reached) -> dry run
-> compiler. Each pass reports all that it finds; the next one runs only if it found nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import json_text
from definitions.dialects.justworkflowit import graph, references, transitions
from definitions.dialects.justworkflowit.analysis import analyse as dry_run
from definitions.dialects.justworkflowit.compiler import DIALECT, compile_document
from definitions.dialects.justworkflowit.document import Document
from definitions.dialects.justworkflowit.executors import check_executor
from definitions.dialects.justworkflowit.inputs import check_input
from definitions.dialects.justworkflowit.problems import CODES, Report, problem_texts
from definitions.dialects.justworkflowit.structure import check_structure
from definitions.model import Definition

__all__ = [
    "CODES",
    "DIALECT",
    "LIVE_TAG",
    "check_input",
    "compile_text",
    "minified_sha256",
    "problem_texts",
    "recognises",
]

#: The tag of the version that runs are meant to use.
LIVE_TAG = "$LIVE"


class _Executors(dict[str, Any]):
    """The team's executors as a key of the cache: they do not change while a process runs."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


def compile_text(text: str, *, executors: Mapping[str, Any] | None = None, analyse: bool = True) -> Definition:
    """Check and compile a definition; the result is cached.

    `executors` are the team's own (name -> object, of which `config_schema` is looked at); a step's `type` names one.
    `analyse` False leaves the dry run out. Raises DefinitionError with everything that one pass has found.
    """
    return _compiled(text, _Executors(executors or {}), analyse)


@lru_cache(maxsize=256)
def _compiled(text: str, executors: _Executors, analyse: bool) -> Definition:
    report = Report()
    raw = json_text.parse(text)
    check_structure(raw, report)
    report.check()
    document = Document(raw)
    references.check_definitions(document, report)
    _check_reachable(document, executors, report)
    report.check()
    if analyse:
        dry_run(document, report)
        report.check()
    return compile_document(document)


def _check_reachable(document: Document, executors: Mapping[str, Any], report: Report) -> None:
    for name in graph.reachable(document.start, document.following):
        step = document.steps[name]
        references.check_step(document, step, report)
        check_executor(step, executors, report)
        transitions.check_transition(step.transition, document.steps, f"{step.path}.transitionToStep", report)


def minified_sha256(text: str) -> str:
    """SHA-256, in hex, of the definition without white space, keys in the order given: equal for equal versions.

    Raises DefinitionError if the text is not JSON.
    """
    minified = json.dumps(json_text.parse(text), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(minified.encode()).hexdigest()


def recognises(text: str) -> bool:
    """Whether a text looks like this language: a JSON object with `workflowName`, or with `steps` and `definitions`."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and ("workflowName" in value or {"steps", "definitions"} <= value.keys())
