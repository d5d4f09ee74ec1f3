"""What the entries of a json-xform template do, as measured on the original.

- `from`: copies a value; false, 0, "" and null are dropped like missing ones.
- `to`: at the top level the first true value stays; a nested path always overwrites and makes its objects.
- `valueToKey`: the value of `from` is the key, that of `withValueFrom` the value.
- `withTemplate`: text; a missing variable reads "undefined", an object "[object Object]".
- `fromEach`: the first thing found anywhere by the name `field`, each item mapped by `fieldset`; `flatten` merges all
  into one object.
- `fromArray`: a list of values; then `via`, `flatten`, `skipEmpty` and `unique`, in this order.

Nothing here changes the source. What the original turns into nonsense is an error: a list as a key, properties of a
list, text that is to become a list. A null in a list that is flattened is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import javascript as js
from definitions.expressions.javascript import UNDEFINED
from definitions.expressions.meter import Meter

PATH_LIMIT = 50

Format = Callable[[Any], str]
#: Literal text, or the keys of a variable.
TemplatePart = str | list[str]


@dataclass(frozen=True)
class Each:
    place: str
    field: list[str]
    to: str
    flatten: bool
    fieldset: list[Entry] | None


@dataclass(frozen=True)
class Entry:
    place: str
    source: list[str] | None
    to: str
    key_value: list[str] | None
    template: list[TemplatePart] | None
    each: Each | None
    sources: list[list[str]] | None
    via: Format | None
    to_array: bool
    flatten: bool
    skip_empty: bool
    unique: bool


def run_fieldset(source: Any, entries: Iterable[Entry], target: dict[str, Any], meter: Meter) -> dict[str, Any]:
    """Apply the entries in order to `target`, which is changed and returned. Raises ExpressionError."""
    for entry in entries:
        meter.spend()
        if entry.each is not None:
            _run_each(source, entry.each, target, meter)
        if entry.sources is not None:
            _put(target, entry.to, _collect(source, entry, meter), entry.place)
        if entry.source is not None:
            _copy(source, entry, target, meter)
        if entry.template is not None:
            _put(target, entry.to, _render(source, entry.template, entry.via, meter), entry.place)
    return target


def find(value: Any, keys: list[str], meter: Meter) -> Any:
    """The value at the keys, or UNDEFINED; text has no properties."""
    meter.spend(len(keys))
    for key in keys:
        value = UNDEFINED if isinstance(value, str) else js.get_property(value, key)
    return value


def _find_anywhere(value: Any, keys: list[str], meter: Meter) -> Any:
    """The first match of the keys in the value or in anything within it, outer before inner, in document order."""
    stack = [value]
    while stack:
        current = stack.pop()
        meter.spend()
        found = UNDEFINED if isinstance(current, list) and keys[0] == "length" else find(current, keys, meter)
        if found is not UNDEFINED:
            return found
        children = current.values() if isinstance(current, dict) else current if isinstance(current, list) else ()
        stack += reversed([item for item in children if isinstance(item, (dict, list))])
    return UNDEFINED


def _copy(source: Any, entry: Entry, target: dict[str, Any], meter: Meter) -> None:
    assert entry.source is not None
    to: Any = entry.to
    value = find(source, entry.source, meter)
    if entry.key_value is not None:
        to, value = value, find(source, entry.key_value, meter)
    if not js.truthy(value):
        return
    if not isinstance(to, str):
        raise ExpressionError(f"the value used as a key is not text (at {entry.place})")
    if "." not in to and js.truthy(target.get(to)):
        return  # before a format is tried, which may fail
    formatted = entry.via(value) if entry.via else value
    _put(target, to, [formatted] if entry.to_array else formatted, entry.place)


def _put(target: dict[str, Any], to: str, value: Any, place: str) -> None:
    if "." not in to:
        if not js.truthy(target.get(to)):
            target[to] = value
        return
    keys = to.split(".")
    if "" in keys:
        keys = keys[: keys.index("")]
    if len(keys) > PATH_LIMIT:
        raise ExpressionError(f"a path has more than {PATH_LIMIT} keys (at {place})")
    for key in keys[:-1]:
        inner = target.get(key)
        if js.truthy(inner) and not isinstance(inner, dict):
            raise ExpressionError(f"{key!r} holds a value that cannot have properties (at {place})")
        # Copied, since it may be a part of the source.
        target[key] = dict(inner) if isinstance(inner, dict) else {}
        target = target[key]
    if keys:
        target[keys[-1]] = value


def _render(source: Any, template: list[TemplatePart], via: Format | None, meter: Meter) -> str:
    texts: list[str] = []
    for part in template:
        if isinstance(part, list):
            value = find(source, part, meter)
            part = via(value) if via else js.to_string(value, meter)
        texts.append(part)
    return "".join(texts)


def _collect(source: Any, entry: Entry, meter: Meter) -> list[Any]:
    values = [find(source, keys, meter) for keys in entry.sources or []]
    if entry.via:
        values = [entry.via(value) for value in values]
    if entry.flatten:
        values = [item for value in values for item in (value if isinstance(value, list) else [value])]
        meter.spend(len(values))
    if entry.skip_empty:
        values = [value for value in values if value is not UNDEFINED and value is not None and value != ""]
    if entry.unique:
        # Objects are the same only if they are one object; 1 and true are not the same.
        first: dict[tuple[str, Any], Any] = {}
        for value in values:
            first.setdefault(_identity(value), value)
        values = list(first.values())
    return [None if value is UNDEFINED else value for value in values]


def _identity(value: Any) -> tuple[str, Any]:
    if isinstance(value, (dict, list)):
        return "object", id(value)
    return ("number", js.as_double(value)) if js.is_number(value) else (type(value).__name__, value)


def _run_each(source: Any, each: Each, target: dict[str, Any], meter: Meter) -> None:
    found = _find_anywhere(source, each.field, meter)
    if found is UNDEFINED or found is None:
        raise ExpressionError(f"nothing is found by the name {'.'.join(each.field)!r} (at {each.place})")
    block = found if each.fieldset is None else _map_items(found, each.fieldset, each.flatten, meter)
    if each.flatten:
        block = _flattened(_as_object(block), meter)
    held = target.get(each.to, [])
    if not isinstance(held, list):
        raise ExpressionError(f"{each.to!r} already holds something else than a list (at {each.place})")
    meter.spend(len(held))
    target[each.to] = [*held, *block] if isinstance(block, list) else [*held, block]


def _map_items(found: Any, fieldset: list[Entry], flatten: bool, meter: Meter) -> Any:
    items = found if isinstance(found, list) else [found]
    if flatten:
        merged: dict[str, Any] = {}
        for item in items:
            run_fieldset(item, fieldset, merged, meter)
        return merged
    return [result for item in items if (result := run_fieldset(item, fieldset, {}, meter))]


def _as_object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return dict(value)
    return {str(index): item for index, item in enumerate(value)} if isinstance(value, (list, str)) else {}


def _flattened(block: dict[str, Any], meter: Meter) -> Any:
    """Lists in the block are taken apart: one item is merged in; several become a list of their only key's values, or
    else replace the block."""
    flat: Any = dict(block)
    for key, value in block.items():
        if not isinstance(value, list) or not value:
            continue
        meter.spend(len(value))
        if len(value) == 1:
            flat = {**_as_object(flat), **_as_object(value[0])}
        elif len(names := list(_as_object(value[0]))) == 1:
            values = [js.get_property(item, names[0]) for item in value]
            if isinstance(flat, dict):
                flat[names[0]] = [item for item in values if js.truthy(item)]
        else:
            flat = list(value)
        if isinstance(flat, dict):
            flat.pop(key, None)
    return flat
