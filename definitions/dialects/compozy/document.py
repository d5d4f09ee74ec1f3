"""A document, YAML or JSON, and the workflows in it."""

from __future__ import annotations

import json
from typing import Any

from definitions import json_text, yaml_text
from definitions.dialects.compozy import checks
from definitions.dialects.compozy.problems import new_report
from definitions.json_path import child

#: A workflow of a document, and where it stands there.
Placed = tuple[dict[str, Any], str]


def parse(text: str) -> Any:
    """The value of a text: JSON if it begins as an object or list does, else YAML. Raises DefinitionError."""
    return json_text.parse(text) if text.lstrip()[:1] in ("{", "[") else yaml_text.parse(text)


def workflows(value: Any) -> list[Placed]:
    """The workflows of a document: itself, or the items of its list `workflows`. Raises DefinitionError."""
    report = new_report()
    listed = value.get("workflows") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not ("tasks" in value or "id" in value or listed is not None):
        report.add("document-invalid", "$", "expected a workflow (`id`, `tasks`), or a list `workflows`")
        report.check()
    if listed is None or "tasks" in value:
        return [(value, "$")]
    if not checks.is_list(listed, "$.workflows", report):
        report.check()
    placed: list[Placed] = []
    for index, one in enumerate(listed):
        path = child("$.workflows", index)
        if isinstance(one, dict) and "source" in one and "tasks" not in one:
            message = "this is a project file; its workflows are in the files that it names"
            report.add("document-unsupported", child(path, "source"), message, unsupported=True)
        elif checks.is_object(one, path, report, "workflow-invalid"):
            placed.append((one, path))
    _check_repeated(placed, report)
    report.check()
    return placed


def _check_repeated(placed: list[Placed], report: Any) -> None:
    seen: set[str] = set()
    for one, path in placed:
        name = str(one.get("id"))
        if name in seen:
            report.add("workflow-id-repeated", child(path, "id"), f"{name[:80]!r} is the id of another workflow")
        seen.add(name)


def only(value: Any) -> Placed:
    """The one workflow of a document. Raises DefinitionError."""
    placed = workflows(value)
    if len(placed) != 1:
        report = new_report()
        report.add("document-many", "$.workflows", f"expected one workflow, not {len(placed)}")
        report.check()
    return placed[0]


def text_of(workflow: Any) -> str:
    """A workflow as the JSON text that is kept of it."""
    return json.dumps(workflow, ensure_ascii=False, separators=(",", ":"))
