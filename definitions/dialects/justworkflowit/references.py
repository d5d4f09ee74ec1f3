"""References between definitions, and from steps to them, must lead somewhere."""

from __future__ import annotations

from definitions.dialects.justworkflowit import schemas
from definitions.dialects.justworkflowit.document import Document, Source
from definitions.dialects.justworkflowit.problems import Report
from definitions.dialects.justworkflowit.structure import REF_PREFIX
from definitions.json_path import child


def check_definitions(document: Document, report: Report) -> None:
    for name, definition in document.definitions.items():
        path = child("$.definitions", name)
        for place, target in schemas.references(definition):
            if target not in document.definitions:
                report.add("reference-unknown", path + place, f"there is no definition {target[:80]!r}")
    _check_cycles(document, report)


def _check_cycles(document: Document, report: Report) -> None:
    """Definitions may contain themselves, but none may be itself."""
    for name in document.definitions:
        seen = [name]
        while "$ref" in (definition := document.definitions.get(seen[-1], {})):
            target = definition["$ref"][len(REF_PREFIX) :]
            if target == name:
                path = child(child("$.definitions", name), "$ref")
                report.add("reference-cycle", path, f"{' -> '.join([*seen, target])[:200]} has no end")
            if target in seen:
                break
            seen.append(target)


def check_step(document: Document, step: Source, report: Report) -> None:
    for key in ("inputDefinition", "outputDefinition"):
        name = step.definition(key)
        if name is not None and name not in document.definitions:
            report.add("reference-unknown", f"{step.details_path}.{key}.$ref", f"there is no definition {name[:80]!r}")
