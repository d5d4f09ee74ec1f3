"""`double-brace`: JSON in which `{{$root.key['another key'][0]}}` stands for a value of the run's data.

The source is `{"template": json, "roots": names, "caseless"?: [name]}`. `roots` are the names that may follow the `$`:
a list, or an object that says where in the scope each is found (a dotted path). Keys are compared as they are written;
the first key after a root in `caseless` (headers have names in any case) is found in another case if not in its own.

A string that is exactly one `{{…}}` keeps the value's type, and is null if there is nothing. Inside a longer string
the value becomes text: nothing and null become empty, true and numbers their words and digits, lists and objects JSON.
Keys of the template are not looked at. A `{{` that nothing closes is text, unless a `$` follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from definitions.errors import ExpressionError
from definitions.expressions.javascript import number_to_string
from definitions.expressions.meter import Meter, current
from definitions.expressions.path import TEXT_LIMIT
from definitions.expressions.source_error import SourceError
from definitions.json_path import child

DEPTH_LIMIT = 50

#: Characters of text in a unit of work.
_CHARACTERS = 64

_OPEN = re.compile(r"\{\{(?!\{)\s*(?:\$([A-Za-z_]\w*))?")
_KEY = re.compile(
    r"""\s*(?:\.\s*([\w$-]+)|\[\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)"|([0-9]{1,9}))\s*\])""",
)
_CLOSE = re.compile(r"\s*\}\}")
_ESCAPED = re.compile(r"\\([\s\S])")
_SUPPORTED = "supported are {{$root}}, {{$root.key}}, {{$root['any key']}} and {{$root.list[0]}}, without operators"


class Nothing:
    """What a reference that leads nowhere gives, before it becomes null or an empty text."""


NOTHING: Final = Nothing()

_Program = Callable[[Mapping[str, Any]], Any]
#: From the data and the meter to a value, or NOTHING.
Finder = Callable[[Mapping[str, Any], Meter], Any]


@dataclass(frozen=True)
class Reference:
    """`{{$root.key[0]}}`: whether its keys are in quotes, after dots or numbers makes no difference."""

    root: str
    keys: tuple[str | int, ...]


@dataclass(frozen=True)
class Roots:
    """Which roots there are, where in the scope they are found, and which have keys in any case."""

    found_at: Mapping[str, tuple[str, ...]]
    caseless: frozenset[str] = frozenset()


def compile(source: Any) -> _Program:
    """Raises SourceError (a ValueError), with the place and the position in the text."""
    given = checked(source, "template")
    find = finder(given["template"], roots_of(given), ".template")

    def run(scope: Mapping[str, Any]) -> Any:
        found = find(scope, current())
        return None if found is NOTHING else found

    return run


def checked(source: Any, main: str) -> dict[str, Any]:
    """The source, if it has `main`, `roots` and nothing unknown. Raises SourceError."""
    if not isinstance(source, dict) or not {main, "roots"} <= source.keys() <= {main, "roots", "caseless"}:
        raise SourceError(f'expected {{"{main}": …, "roots": [name], "caseless"?: [name]}}', "", "template-invalid")
    return source


def roots_of(source: Mapping[str, Any]) -> Roots:
    """Raises SourceError."""
    given, caseless = source["roots"], source.get("caseless", [])
    named = {name: name for name in given} if _texts(given) else given
    if not isinstance(named, dict) or not _texts([*named, *named.values()]):
        raise SourceError("expected a list of names, or an object of paths", ".roots", "template-invalid")
    if not _texts(caseless) or not set(caseless) <= named.keys():
        raise SourceError("expected a list of roots", ".caseless", "template-invalid")
    return Roots({name: tuple(path.split(".")) for name, path in named.items()}, frozenset(caseless))


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def finder(template: Any, roots: Roots, place: str, depth: int = 0) -> Finder:
    """What gives a template's value; NOTHING only for one reference that leads nowhere. Raises SourceError."""
    if depth > DEPTH_LIMIT:
        raise SourceError(f"a template is nested more than {DEPTH_LIMIT} deep", place, "template-too-deep")
    if isinstance(template, str):
        return _text_finder(parts(template, roots.found_at, place), roots)
    if isinstance(template, list):
        items = [finder(item, roots, child(place, index), depth + 1) for index, item in enumerate(template)]
        return lambda scope, meter: [_value(item(scope, meter)) for item in items]
    if isinstance(template, dict):
        entries = {key: finder(item, roots, child(place, key), depth + 1) for key, item in template.items()}
        return lambda scope, meter: {key: _value(item(scope, meter)) for key, item in entries.items()}
    return lambda scope, meter: template


def _value(found: Any) -> Any:
    return None if found is NOTHING else found


def references(template: Any, roots: Sequence[str], place: str = "") -> Iterator[tuple[str, Reference]]:
    """The place and the content of every reference in a template, in order. Raises SourceError."""
    if isinstance(template, str):
        yield from ((place, part) for part in parts(template, roots, place) if isinstance(part, Reference))
    elif isinstance(template, (list, dict)):
        for key, item in template.items() if isinstance(template, dict) else enumerate(template):
            yield from references(item, roots, child(place, key))


def parts(text: str, roots: Sequence[str] | Mapping[str, Any], place: str) -> list[str | Reference]:
    """The texts and the references that a string is made of. Raises SourceError."""
    found: list[str | Reference] = []
    end = at = 0
    while opened := _OPEN.search(text, at):
        if opened.group(1) is None and text.find("}}", opened.end()) < 0:
            break  # nothing closes this one or any later one
        reference, at = _reference(text, opened, place)
        if reference.root not in roots:
            known = ", ".join(f"${name}" for name in roots) or "none"
            raise _fault(f"there is no ${reference.root[:80]} here; known are {known}", opened, place, "root-unknown")
        found += [text[end : opened.start()], reference]
        end = at
    return [part for part in [*found, text[end:]] if part != ""]


def _reference(text: str, opened: re.Match[str], place: str) -> tuple[Reference, int]:
    """What stands at the braces, and where they end."""
    keys: list[str | int] = []
    at = opened.end()
    while opened.group(1) is not None and (key := _KEY.match(text, at)):
        name, single, double, index = key.groups()
        quoted = single if single is not None else double
        keys.append(int(index) if index else name or _ESCAPED.sub(r"\1", quoted))
        at = key.end()
    closed = _CLOSE.match(text, at)
    if opened.group(1) is not None and closed:
        return Reference(opened.group(1), tuple(keys)), closed.end()
    if opened.group(1) is not None and text.find("}}", at) < 0:
        raise _fault("`{{` is not closed by `}}`", opened, place, "syntax")
    shown = text[opened.start() : text.find("}}", at) + 2][:60]
    raise _fault(f"{shown!r} cannot be read: {_SUPPORTED}", opened, place, "syntax")


def _fault(message: str, at: re.Match[str], place: str, code: str) -> SourceError:
    return SourceError(f"{message} (character {at.start() + 1})", place, f"template-{code}")


def _text_finder(pieces: list[str | Reference], roots: Roots) -> Finder:
    if len(pieces) == 1 and isinstance(pieces[0], Reference):
        return _reference_finder(pieces[0], roots)
    finders = [_reference_finder(piece, roots) if isinstance(piece, Reference) else piece for piece in pieces]

    def run(scope: Mapping[str, Any], meter: Meter) -> str:
        texts: list[str] = []
        room = TEXT_LIMIT
        for one in finders:
            texts.append(one if isinstance(one, str) else as_text(one(scope, meter), meter))
            room -= len(texts[-1])
            if room < 0:
                raise ExpressionError(f"the text would have more than {TEXT_LIMIT} characters")
        return "".join(texts)

    return run


def as_text(value: Any, meter: Meter) -> str:
    """A value inside a longer text."""
    if value is None or value is NOTHING:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_to_string(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    meter.spend(1 + len(text) // _CHARACTERS)
    return text


def _reference_finder(reference: Reference, roots: Roots) -> Finder:
    base, keys = roots.found_at[reference.root], reference.keys
    caseless = reference.root in roots.caseless

    def run(scope: Mapping[str, Any], meter: Meter) -> Any:
        meter.spend(1 + len(keys))
        value: Any = scope
        for step in base:
            value = _inner(value, step)
        for position, key in enumerate(keys):
            found = _inner(value, key)
            if found is NOTHING and caseless and position == 0:
                found = _in_any_case(value, key, meter)
            value = found
        return value

    return run


def _inner(value: Any, key: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(str(key), NOTHING)
    if isinstance(value, list) and (isinstance(key, int) or re.fullmatch("[0-9]{1,9}", key)):
        return value[int(key)] if int(key) < len(value) else NOTHING
    return NOTHING


def _in_any_case(value: Any, key: str | int, meter: Meter) -> Any:
    if not isinstance(value, Mapping):
        return NOTHING
    meter.spend(len(value))
    wanted = str(key).lower()
    return next((item for name, item in value.items() if str(name).lower() == wanted), NOTHING)
