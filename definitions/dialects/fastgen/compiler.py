"""From a document to the one model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from definitions import checks
from definitions.dialects.fastgen import words
from definitions.dialects.fastgen.actions import RESPONSE, Action, Context, check_event, variable_of
from definitions.dialects.fastgen.document import Document
from definitions.dialects.fastgen.flow import block_of
from definitions.dialects.fastgen.problems import new_report
from definitions.dialects.fastgen.reading import LOOP, Reader
from definitions.dialects.fastgen.routes import Route, read_route
from definitions.dialects.fastgen.scope import Names
from definitions.json_path import child
from definitions.model import Definition, Expression
from definitions.report import Report

#: Kind -> the keys that its body needs, and those that it may have.
_KEYS = {
    words.WORKFLOW: (("name", "event", "actions"), ("description", "active")),
    words.ROUTE: (("name", "method", "path", "actions"), ("description", "authentication", "bodyValidation")),
}
_NO_RETURN: dict[str, Any] = {"status": 200, "headers": {}, "body": {}}


def compile_document(document: Document) -> Definition:
    """Raises DefinitionError with everything that has been found."""
    report, body, path = new_report(), document.body, document.path
    checks.has_keys(body, *_KEYS[document.kind], path, report)
    if "description" in body:
        checks.is_text(body["description"], child(path, "description"), report)
    route = read_route(document, report) if document.kind == words.ROUTE else None
    if route is None:
        _check_workflow(body, path, report)
    reader = Reader(report)
    actions = reader.read(body.get("actions", []), child(path, "actions"))
    parameters = () if route is None else route.parameters
    variables = _variables(reader.found.values())
    names = Names(report, document.kind, frozenset(reader.keys), frozenset(variables), parameters)
    block = block_of(actions, Context(names, document.project))
    report.check()
    assert block is not None
    return Definition(
        dialect=words.DIALECT,
        name=document.definition_name,
        body=block,
        save_input=["param"] if route is None else ["request"],
        data={"action": {}, "var": {}} | ({} if route is None else {RESPONSE: _NO_RETURN}),
        input_schema=None if route is None else _input_schema(route),
        result=Expression(language="double-brace", source={"template": "{{$response}}", "roots": [RESPONSE]}),
    )


def _check_workflow(body: dict[str, Any], path: str, report: Report) -> None:
    if "event" in body:
        check_event(body["event"], child(path, "event"), report)
    if "active" in body:
        checks.is_boolean(body["active"], child(path, "active"), report)


def _variables(actions: Iterable[Action]) -> list[str]:
    """What `$var` knows: the values of variable actions, and the items of loops that name them."""
    found = [variable_of(action) for action in actions if action.type == "variable"]
    named = [action.config.get("as") for action in actions if action.type == LOOP]
    return [*found, *(name for name in named if isinstance(name, str))]


def _input_schema(route: Route) -> dict[str, Any] | None:
    return route.body_schema
