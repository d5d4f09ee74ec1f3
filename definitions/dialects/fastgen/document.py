"""The text that is kept of a workflow or route, which carries its project, its kind and its name.

    {"project"?: "shop", "workflow": {"name": "Reorder", "event": …, "actions": […]}}
    {"project"?: "shop", "route": {"name": "New order", "method": …, "path": …, "actions": […]}}

Without a project it is that of `words.DEFAULT_PROJECT`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from definitions import checks, json_text
from definitions.dialects.fastgen.problems import new_report
from definitions.dialects.fastgen.words import DEFAULT_PROJECT, KINDS, NAME_LIMIT, PROJECT_LIMIT
from definitions.errors import Problem
from definitions.json_path import child
from definitions.report import Report

_PROJECT = re.compile(rf"[A-Za-z0-9_-]{{1,{PROJECT_LIMIT}}}")


@dataclass(frozen=True)
class Document:
    """A document as it was read; `body` is what stands under its kind, at `path`."""

    project: str
    kind: str
    name: str
    body: dict[str, Any]
    path: str

    @property
    def definition_name(self) -> str:
        return definition_name(self.project, self.kind, self.name)


def definition_name(project: str, kind: str, name: str) -> str:
    """The one name of a definition in its organisation: `shop.workflow.Reorder`."""
    return f"{project}.{kind}.{name}"


def parts_of(name: str) -> tuple[str, str, str] | None:
    """Project, kind and name of a definition, from its name; None if that is none."""
    parts = name.split(".", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 and parts[1] in KINDS else None


def text_of(project: str, kind: str, name: str, body: dict[str, Any]) -> str:
    """The text to keep of what a client has sent for a project and a name: `body` needs none of both."""
    return _written({"project": project, kind: {"name": name, **{k: v for k, v in body.items() if k != "name"}}})


def own_problem(problem: Problem) -> Problem:
    """A problem as a client sees it that has sent the body only: `$.workflow.event` is `$.event`."""
    for kind in KINDS:
        if re.match(rf"\$\.{kind}\b", problem.path):
            path = "$" + problem.path.removeprefix(f"$.{kind}")
            return Problem(problem.code, path, problem.message, problem.unsupported)
    return problem


def read(text: str) -> Document:
    """Raises DefinitionError unless the text is a document; its body is not looked at."""
    report = new_report()
    value = json_text.parse(text)
    kinds = [kind for kind in KINDS if isinstance(value, dict) and kind in value]
    if len(kinds) != 1:
        report.add("document-invalid", "$", f"expected an object with exactly one of {', '.join(KINDS)}")
        report.check()
    kind = kinds[0]
    body, path, project = value[kind], child("$", kind), value.get("project", DEFAULT_PROJECT)
    checks.has_keys(value, (kind,), ("project",), "$", report)
    good = isinstance(project, str) and _PROJECT.fullmatch(project) is not None
    message = f"expected 1 to {PROJECT_LIMIT} letters, digits, - and _"
    checks.expect(good, "$.project", report, "project-invalid", message)
    if checks.is_object(body, path, report, "definition-invalid"):
        _check_name(body, path, report)
    report.check()
    return Document(project, kind, body["name"], body, path)


def _check_name(body: dict[str, Any], path: str, report: Report) -> None:
    at = child(path, "name")
    if "name" not in body:
        report.add("key-missing", at, "the key 'name' is missing")
    elif checks.is_name(body["name"], at, report, "name-invalid", NAME_LIMIT):
        # Of these neither could be told from other parts of the path of a request.
        good = "/" not in body["name"] and body["name"] not in (".", "..")
        checks.expect(good, at, report, "name-invalid", "a name has no slash, and is neither . nor ..")


def minified(text: str) -> str:
    """A document without white space, keys in the order given. Raises DefinitionError."""
    return _written(json_text.parse(text))


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
