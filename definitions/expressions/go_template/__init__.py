"""`go-template`: JSON whose strings are templates of Go's text/template, with the functions of sprig.

The source is an object: `template`, any JSON; `aliases` (default false): a field that a map does not have may be found
under the same key with hyphens in place of underscores, or the other way round; `root`: the dotted name of what dot is
at first (default: the scope, without its names that begin with `$`).

Strings are rendered; all else is kept, keys too. A string without `{{` is itself. One that is nothing but a reference
(`{{ .a.b }}`, also in parentheses, with trim markers, or with spaces around) keeps the type of the value. Everything
else gives text, also `{{ .a | default 3 }}`; text that begins with `{` or `[` and is JSON is taken as JSON.

As Go, with `missingkey=error`. What differs, for the sake of JSON, of workflows and of plain faults:

- A part of a field may hold hyphens (`.tasks.wait-x.output`), which Go would not read. Numbers keep their sign.
- Integers and floats are compared by value; a whole float may stand for an integer and an integer for a float (also
  in printf), since JSON does not tell 3 from 3.0. A whole number of JSON is an `int` (`kindOf`), as in YAML. Floats
  are printed without an exponent below 1e21. Integers that leave 64 bits are an error, and do not wrap around.
- Null has no text of its own: where Go prints `<no value>`, there is an error. Within lists and maps it is `<nil>`.
- Faults that Go finds at run time but that are plain from the text are found when it is compiled: a wrong number of
  arguments, a template that is not defined, a variable that is not declared.
- `now` is what the scope has as `$now`, random values come from its `$seed`; without these there is an error. Time
  zones other than UTC come from the machine's table of zones.
- Where sprig puts an error's text or the present time in place of a value, there is an error.

All work is metered, text is at most 2 million characters, and templates run to a fixed depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from definitions.expressions import path as dotted_path
from definitions.expressions.go_template.problems import INVALID, TOO_LARGE
from definitions.expressions.go_template.texts import Rendering, Text, has_action, references
from definitions.expressions.meter import current
from definitions.expressions.source_error import SourceError
from definitions.json_path import child

__all__ = ["compile", "has_action", "references"]

#: Characters that the strings of one source may have together.
SOURCE_LIMIT = 100_000
#: Lists and objects within each other.
NESTING_LIMIT = 100

_KEYS: dict[str, type | None] = {"template": None, "aliases": bool, "root": str}
_Part = Callable[[Rendering], Any]


def compile(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Compile an object with `template`, and with `aliases` and `root` if need be.

    Raises SourceError (a ValueError), with the place, line and column, for what is bad or not supported.
    """
    if not isinstance(source, dict) or "template" not in source:
        raise SourceError("expected an object with the key `template`", "", INVALID)
    for key, value in source.items():
        if key not in _KEYS:
            raise SourceError(f"the key {key[:80]!r} is not known", child("", key), INVALID)
        wanted = _KEYS[key]
        if wanted is not None and not isinstance(value, wanted):
            raise SourceError(f"expected {'true or false' if wanted is bool else 'a text'}", child("", key), INVALID)
    part = _Compiler().part(source["template"], ".template", 0)
    aliases, root = source.get("aliases", False), source.get("root", "")

    def run(scope: Mapping[str, Any]) -> Any:
        dot = dotted_path.lookup(scope, root) if root else _visible(scope)
        return part(Rendering(current(), dot, scope.get("$now"), scope.get("$seed"), aliases))

    return run


def _visible(scope: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in scope.items() if key[:1] != "$"}


class _Compiler:
    """Goes through the JSON of a source."""

    def __init__(self) -> None:
        self.room = SOURCE_LIMIT

    def part(self, value: Any, place: str, depth: int) -> _Part:
        if depth > NESTING_LIMIT:
            raise SourceError(f"the source is nested more than {NESTING_LIMIT} deep", place, TOO_LARGE)
        if isinstance(value, str):
            return self.text(value, place)
        if isinstance(value, list):
            items = [self.part(item, child(place, index), depth + 1) for index, item in enumerate(value)]
            return lambda rendering: [item(rendering) for item in items]
        if isinstance(value, dict):
            entries = {key: self.part(item, child(place, key), depth + 1) for key, item in value.items()}
            return lambda rendering: {key: item(rendering) for key, item in entries.items()}
        return lambda rendering: value

    def text(self, value: str, place: str) -> _Part:
        if not has_action(value):
            return lambda rendering: value
        self.room -= len(value)
        if self.room < 0:
            message = f"the templates have more than {SOURCE_LIMIT} characters together"
            raise SourceError(message, place, TOO_LARGE)
        return Text(value, place).render
