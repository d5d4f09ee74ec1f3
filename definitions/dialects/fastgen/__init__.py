"""Fastgen's event workflows and routes: JSON text -> Definition.

The text is what `document` describes: it carries the project, the kind and the name. Events are published, and listened
to, under the names that `events.scoped` gives them: those of one project start no workflows of another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import json_text
from definitions.dialects.fastgen import document, events
from definitions.dialects.fastgen.compiler import compile_document
from definitions.dialects.fastgen.document import definition_name, own_problem, parts_of, text_of
from definitions.dialects.fastgen.flow import is_action
from definitions.dialects.fastgen.problems import CODES, new_report
from definitions.dialects.fastgen.reading import Reader
from definitions.dialects.fastgen.routes import Reply, Route, read_route, reply, request
from definitions.dialects.fastgen.words import (
    API_TOKEN,
    DEFAULT_PROJECT,
    DIALECT,
    DURATIONS,
    INACTIVE_TAG,
    LIVE_TAG,
    ROUTE,
    SHIM,
    WORKFLOW,
)
from definitions.errors import InputInvalid, Problem
from definitions.listeners import Occurrence, Trigger
from definitions.model import CodeStep, Definition, Expression, PublishStep, Step

__all__ = [
    "API_TOKEN",
    "CODES",
    "DEFAULT_PROJECT",
    "DIALECT",
    "DURATIONS",
    "INACTIVE_TAG",
    "LIVE_TAG",
    "ROUTE",
    "SHIM",
    "WORKFLOW",
    "Reply",
    "Route",
    "actions",
    "api_only",
    "check_input",
    "compile_text",
    "definition_name",
    "document",
    "dried",
    "events",
    "is_action",
    "listening",
    "minified_sha256",
    "own_problem",
    "parts_of",
    "recognises",
    "reply",
    "request",
    "route",
    "run_input",
    "sources",
    "split",
    "text_of",
    "triggers",
    "with_active",
]


def compile_text(text: str, *, executors: Mapping[str, Any] | None = None, analyse: bool = True) -> Definition:
    """Check and compile a workflow or route; the result is cached. Every check is cheap, so `analyse` changes nothing.

    Executors of teams have no part in it. Raises DefinitionError with everything that has been found.
    """
    return _compiled(text)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Definition:
    return compile_document(document.read(text))


def dried(definition: Definition) -> Definition:
    """The definition with events that are shown only: its actions `createEvent` send nothing.

    The output of such an action is {event, params, emitted: false}.
    """
    steps = {name: _dried(step) for name, step in definition.body.steps.items()}
    return definition.model_copy(update={"body": definition.body.model_copy(update={"steps": steps})})


_SHOWN = {
    "template": {"event": "{{$input.event}}", "params": "{{$output.payload}}", "emitted": False},
    "roots": ["input", "output"],
}


def _dried(step: Step) -> Step:
    if not isinstance(step, PublishStep):
        return step
    return step.model_copy(update={"dry": True, "result": Expression(language="double-brace", source=_SHOWN)})


def check_input(definition: Definition, has_input: bool, value: Any) -> None:
    """Raises InputInvalid, with the path, if this is no request for a route: anything will do for a workflow."""
    if definition.save_input != ["request"]:
        return
    if not has_input or not isinstance(value, dict):
        raise InputInvalid("a run of a route needs a request: {body, query, path, header, bodyRaw}")
    if definition.input_schema is not None:
        try:
            Route("", "", "/", body_schema=definition.input_schema).check_body(value.get("body"))
        except InputInvalid as error:
            raise InputInvalid(error.message, f"$.body{error.path.removeprefix('$')}") from None


def minified_sha256(text: str) -> str:
    """SHA-256, in hex, of the document without white space, keys in the order given. Raises DefinitionError."""
    return hashlib.sha256(document.minified(text).encode()).hexdigest()


def recognises(text: str) -> bool:
    """Whether a text looks like an object with a `workflow` or a `route` in it."""
    if len(text) > json_text.SIZE_LIMIT:
        return False
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    bodies = [value[kind] for kind in (WORKFLOW, ROUTE) if kind in value]
    return any(isinstance(body, dict) and {"actions", "event", "method"} & body.keys() for body in bodies)


def split(text: str) -> dict[str, str]:
    """A file is one definition."""
    return {"$": text}


def api_only(text: str) -> list[Problem]:
    """Routes: their project and their place in it have to be claimed."""
    found = document.read(text)
    message = "a route is saved and deployed by PUT and POST /fastgen/{project}/routes/{name} only"
    return [Problem("route-api-only", found.path, message, unsupported=True)] if found.kind == ROUTE else []


def actions(text: str) -> list[dict[str, str]]:
    """Every action of a document, in order, those inside others after them: {key, name, type, path}.

    Raises DefinitionError if the text is no document; actions that something is wrong with are left out.
    """
    found = document.read(text)
    reader = Reader(new_report())
    reader.read(found.body.get("actions", []), f"{found.path}.actions")
    ordered = sorted(reader.found.values(), key=lambda one: reader.keys.index(one.key))
    return [{"key": one.key, "name": one.name, "type": one.type, "path": one.path} for one in ordered]


def sources(text: str) -> list[tuple[str, str]]:
    """The path and the module of every action of custom code, for a worker to look at. Raises DefinitionError."""
    steps = compile_text(text).body.steps
    found = [(one["path"], steps[one["key"]]) for one in actions(text)]
    return [(f"{path}.config.code", step.source) for path, step in found if isinstance(step, CodeStep)]


def route(text: str) -> Route:
    """What a route's requests see of it. Raises DefinitionError, also for an event workflow."""
    found, report = document.read(text), new_report()
    if found.kind != ROUTE:
        report.add("document-invalid", "$", "expected a route")
        report.check()
    made = read_route(found, report)
    report.check()
    return made


def with_active(text: str, active: bool) -> str:
    """The text of an event workflow that is active, or not. Raises DefinitionError."""
    found = document.read(text)
    return text_of(found.project, found.kind, found.name, {**found.body, "active": active})


# --- what starts workflows ---


def listening(tags: Mapping[str, int]) -> int | None:
    """The version that events start: the deployed one, unless the workflow is switched off by its tag."""
    return None if INACTIVE_TAG in tags else tags.get(LIVE_TAG)


def triggers(text: str) -> dict[str, Trigger]:
    """The event of a workflow, unless its text says that it is not active. Raises DefinitionError."""
    found = document.read(text)
    event = found.body.get("event")
    if found.kind != WORKFLOW or found.body.get("active") is False or not isinstance(event, str):
        return {}
    return {events.scoped(found.project, event): Trigger()}


def run_input(event: Occurrence) -> Any:
    """What `$param` is: the event's parameters."""
    return event.payload if event.has_payload and event.payload is not None else {}
