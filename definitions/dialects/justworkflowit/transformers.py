"""`inputTransformer`: its form, and what it is compiled to."""

from __future__ import annotations

from typing import Any

from definitions.dialects.justworkflowit.problems import Report
from definitions.expressions import json_xform
from definitions.expressions.source_error import SourceError
from definitions.model import Expression


def check_transformer_form(value: Any, path: str, report: Report) -> None:
    """Keys, types and combinations at every level."""
    try:
        json_xform.compile(value)
    except SourceError as error:
        report.add_source_error(error, path)


def compile_transformer(value: dict[str, Any]) -> Expression:
    return Expression(language="json-xform", source=value)


def sources(value: dict[str, Any]) -> list[tuple[str, str]]:
    """(place, path) of every `from` of the outermost fieldset: those that must lead somewhere."""
    return [(f".fieldset[{i}].from", entry["from"]) for i, entry in enumerate(value["fieldset"]) if entry.get("from")]


def without_formats(value: dict[str, Any]) -> dict[str, Any]:
    """The transformer without `via`: made-up text is no date, but what `via` makes of a date is text as well."""
    entries = []
    for entry in value["fieldset"]:
        kept = {key: item for key, item in entry.items() if key != "via"}
        if "fieldset" in kept.get("fromEach", {}):
            kept["fromEach"] = {**kept["fromEach"], **without_formats(kept["fromEach"])}
        entries.append(kept)
    return {"fieldset": entries}


def looks_anywhere(value: dict[str, Any]) -> bool:
    """Whether some `fromEach` looks for a name, wherever that may be."""
    return any("fromEach" in entry for entry in value["fieldset"])


def roots(value: dict[str, Any]) -> set[str]:
    """The first keys of all paths in a transformer: what it looks at in the run's data, but for `fromEach`."""
    found = {path.split(".")[0] for _, path in sources(value)}
    for entry in value["fieldset"]:
        found |= {path.split(".")[0] for path in entry.get("fromArray", [])}
        found |= {name.split(".")[0] for name in json_xform.variables(entry.get("withTemplate", ""))}
        found |= {entry[key].split(".")[0] for key in ("withValueFrom",) if key in entry}
    return found
