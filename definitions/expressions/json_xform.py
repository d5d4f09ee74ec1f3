"""`json-xform`: builds an object from a template `{"fieldset": [entry, …]}`; this module checks and prepares templates.

What entries do is in `json_xform_run`. `fromArray` with `skipEmpty`, `unique` and `flatten` is taken, with the meaning
that the library's later releases publish. `via` formats dates; its `commands` would call any method by name and is
refused as unsupported. Paths are dotted; those that are empty or begin with a dot are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import date_format
from definitions.expressions.json_xform_run import Each, Entry, Format, TemplatePart, run_fieldset
from definitions.expressions.meter import current
from definitions.expressions.source_error import SourceError
from definitions.json_path import child

DEPTH_LIMIT = 20
PATH_LIMIT = 50

INVALID = "transformer-invalid"
EMPTY = "transformer-empty"
UNKNOWN_KEY = "transformer-key-unknown"
ENTRY = "transformer-entry-invalid"
COMMANDS = "transformer-commands-unsupported"
FIELD = "transformer-field-unsupported"

_ENTRY_KEYS: dict[str, type] = {
    "from": str,
    "to": str,
    "valueToKey": bool,
    "withValueFrom": str,
    "withTemplate": str,
    "toArray": bool,
    "fromEach": dict,
    "via": dict,
    "fromArray": list,
    "skipEmpty": bool,
    "unique": bool,
    "flatten": bool,
}
_EACH_KEYS: dict[str, type] = {"field": str, "to": str, "flatten": bool, "fieldset": list}
_VIA_KEYS: dict[str, type] = {"type": str, "sourceFormat": str, "format": str}
_WORDS = {str: "a string", bool: "true or false", dict: "an object", list: "a list"}
_VARIABLE = re.compile(r"\$\{([A-Za-z$._0-9]+)\}")
_FIELD = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+)(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+))*")


def compile(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Compile a template. Raises SourceError (a ValueError), with the place, for a bad or an unsupported one."""
    template = _object(source, {"fieldset": list}, "")
    if "fieldset" not in template:
        raise SourceError("the key `fieldset` is missing", "", INVALID)
    entries = _fieldset(template["fieldset"], ".fieldset", 0)

    def run(scope: Mapping[str, Any]) -> Any:
        return run_fieldset(scope if isinstance(scope, dict) else dict(scope), entries, {}, current())

    return run


def _object(value: Any, keys: dict[str, type], place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SourceError("expected an object", place, INVALID)
    for key, item in value.items():
        at = child(place, key)
        if key not in keys:
            raise SourceError(f"the key {key[:80]!r} is not known", at, UNKNOWN_KEY)
        if not isinstance(item, keys[key]):
            raise SourceError(f"expected {_WORDS[keys[key]]}", at, INVALID)
    return value


def _fieldset(items: list[Any], place: str, depth: int) -> list[Entry]:
    if not items:
        raise SourceError("a fieldset needs at least one entry", place, EMPTY)
    if depth > DEPTH_LIMIT:
        raise SourceError(f"fieldsets are nested more than {DEPTH_LIMIT} deep", place, INVALID)
    return [_entry(item, child(place, index), depth) for index, item in enumerate(items)]


def _entry(item: Any, place: str, depth: int) -> Entry:
    entry = _object(item, _ENTRY_KEYS, place)
    _check_combination(entry, place)
    source, to, key_value = entry.get("from"), entry.get("to"), entry.get("withValueFrom")
    template = entry.get("withTemplate")
    via = entry.get("via")
    return Entry(
        place=place,
        source=None if source is None else path(source, child(place, "from")),
        to=to or source or key_value or "",
        key_value=path(key_value, child(place, "withValueFrom")) if entry.get("valueToKey") and key_value else None,
        template=_template(template, child(place, "withTemplate")) if template else None,
        each=_each(entry["fromEach"], child(place, "fromEach"), depth) if "fromEach" in entry else None,
        sources=_sources(entry["fromArray"], child(place, "fromArray")) if "fromArray" in entry else None,
        via=None if via is None else _via(via, child(place, "via")),
        to_array=entry.get("toArray", False),
        flatten=entry.get("flatten", False),
        skip_empty=entry.get("skipEmpty", False),
        unique=entry.get("unique", False),
    )


def _check_combination(entry: dict[str, Any], place: str) -> None:
    targets = ("to" in entry) + ("withValueFrom" in entry)
    faults = {
        "`from` and `withTemplate` exclude each other": "from" in entry and "withTemplate" in entry,
        "one of `from`, `withTemplate`, `fromEach` and `fromArray` is needed": not (
            {"from", "withTemplate", "fromEach", "fromArray"} & entry.keys()
        ),
        "`withTemplate` needs exactly one of `to` and `withValueFrom`": "withTemplate" in entry and targets != 1,
        "`fromArray` needs `to`": "fromArray" in entry and "to" not in entry,
        "`valueToKey` needs `from` and `withValueFrom`": bool(entry.get("valueToKey"))
        and not {"from", "withValueFrom"} <= entry.keys(),
    }
    for message, found in faults.items():
        if found:
            raise SourceError(message, place, ENTRY)
    if "to" in entry:
        path(entry["to"], child(place, "to"))


def path(dotted: str, place: str) -> list[str]:
    """The keys of a dotted path; it ends before its first empty key, as in the original."""
    keys = dotted.split(".")
    if "" in keys:
        keys = keys[: keys.index("")]
    if not keys or len(keys) > PATH_LIMIT:
        raise SourceError(f"expected a path of 1 to {PATH_LIMIT} keys", place, ENTRY)
    return keys


def _sources(paths: list[Any], place: str) -> list[list[str]]:
    for index, item in enumerate(paths):
        if not isinstance(item, str):
            raise SourceError("expected a string", child(place, index), INVALID)
    return [path(item, child(place, index)) for index, item in enumerate(paths)]


def _template(text: str, place: str) -> list[TemplatePart]:
    """Only the first occurrence of a variable is replaced, as in the original; text of others stays as it is."""
    parts: list[TemplatePart] = []
    seen: set[str] = set()
    end = 0
    for match in _VARIABLE.finditer(text):
        if match.group(1) not in seen:
            seen.add(match.group(1))
            parts += [text[end : match.start()], path(match.group(1), place)]
            end = match.end()
    return [*parts, text[end:]]


def _each(value: dict[str, Any], place: str, depth: int) -> Each:
    each = _object(value, _EACH_KEYS, place)
    field = each.get("field")
    if field is None:
        raise SourceError("the key `field` is missing", place, INVALID)
    if not _FIELD.fullmatch(field):
        message = "only a dotted name can be looked for, of letters, digits and underscores"
        raise SourceError(message, child(place, "field"), FIELD, unsupported=True)
    fieldset = _fieldset(each["fieldset"], child(place, "fieldset"), depth + 1) if "fieldset" in each else None
    return Each(place, field.split("."), each.get("to") or field, each.get("flatten", False), fieldset)


def _via(value: dict[str, Any], place: str) -> Format:
    if value.get("type") == "commands":
        raise SourceError("`via` with commands is not supported", place, COMMANDS, unsupported=True)
    via = _object(value, _VIA_KEYS, place)
    if via.get("type") != "date":
        raise SourceError("`via` needs the type `date` or `commands`", child(place, "type"), INVALID)
    for key in ("sourceFormat", "format"):
        if key not in via:
            raise SourceError(f"the key `{key}` is missing", place, INVALID)
    read = date_format.reader(via["sourceFormat"], child(place, "sourceFormat"))
    write = date_format.writer(via["format"], child(place, "format"))

    def convert(value: Any) -> str:
        if not isinstance(value, str):
            raise ExpressionError(f"only text can be read as a date (at {place})")
        return write(read(value))

    return convert


def variables(template: str) -> list[str]:
    """The variables that a `withTemplate` text names."""
    return _VARIABLE.findall(template)
