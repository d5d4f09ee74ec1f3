"""`compose`: values made of what other expressions give. A part `E` is {"language": …, "source": …}.

{"let": {name: E, …}, "in": E}             E with more names in its scope; all are computed first, from the outer one
{"case": E, "of": {text: E, …}, "otherwise": E}   the E whose text the value is, or is as JSON; none is an error
{"at": [key, …], "otherwise": json}        what the data has at a path of keys, or something else
{"merge": [E, …]}                          one object of several; the later has the last word
{"join": E}                                one object of an object's values, or a list's items, which are objects
{"pick": E, "key": key}                    of an object of objects: what each has under the key, if it has it
{"pick": E, "keys": [key, …]}              the same, but objects that have these keys only
{"count": E, "where": {key: json}}         how many values of an object are objects that have these entries
{"first": [E, …]}                          the first that is not null
{"wrap": E, "as": key}                     a text as {key: text}, null as {}, anything else as it is
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import meter
from definitions.expressions.absent import ABSENT
from definitions.model import Expression

_Program = Callable[[Mapping[str, Any]], Any]


def compile(source: Any) -> _Program:
    """Raises ValueError."""
    forms = [form for form in _FORMS if isinstance(source, dict) and form in source]
    if len(forms) != 1:
        raise ValueError(f"expected exactly one of {', '.join(_FORMS)}")
    try:
        return _FORMS[forms[0]](source)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{forms[0]}: {type(error).__name__}: {error}") from error


def _part(value: Any) -> _Program:
    # Not at the top: the table of languages has this one in it.
    from definitions.expressions import program

    return program(Expression.model_validate(value))


def _parts(values: Any) -> list[_Program]:
    return [_part(value) for value in values]


def _named(values: Mapping[str, Any]) -> dict[str, _Program]:
    return {name: _part(value) for name, value in values.items()}


def _let(source: dict[str, Any]) -> _Program:
    names, inner = _named(source["let"]), _part(source["in"])

    def run(scope: Mapping[str, Any]) -> Any:
        return inner({**scope, **{name: value(scope) for name, value in names.items()}})

    return run


def _case(source: dict[str, Any]) -> _Program:
    value, cases = _part(source["case"]), _named(source["of"])
    otherwise = _part(source["otherwise"]) if "otherwise" in source else None

    def run(scope: Mapping[str, Any]) -> Any:
        found = value(scope)
        text = found if isinstance(found, str) else json.dumps(found)
        chosen = cases.get(text, otherwise)
        if chosen is None:
            raise ExpressionError(f"expected one of {', '.join(cases)}, not {text[:80]}")
        return chosen(scope)

    return run


def _at(source: dict[str, Any]) -> _Program:
    path, otherwise = source["at"], source.get("otherwise")

    def run(scope: Mapping[str, Any]) -> Any:
        value: Any = scope
        for key in path:
            if not isinstance(value, Mapping) or key not in value:
                return otherwise
            value = value[key]
        return value

    return run


def _merge(source: dict[str, Any]) -> _Program:
    parts = _parts(source["merge"])
    return lambda scope: _merged([part(scope) for part in parts])


def _join(source: dict[str, Any]) -> _Program:
    part = _part(source["join"])

    def run(scope: Mapping[str, Any]) -> Any:
        value = part(scope)
        return _merged(list(value.values()) if isinstance(value, dict) else value)

    return run


def _merged(objects: Any) -> dict[str, Any]:
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise ExpressionError("only objects can be merged")
    meter.current().spend(sum(map(len, objects)))
    return {key: value for one in objects for key, value in one.items()}


def _pick(source: dict[str, Any]) -> _Program:
    part, key, keys = _part(source["pick"]), source.get("key"), source.get("keys", [])

    def run(scope: Mapping[str, Any]) -> Any:
        entries = _objects(part(scope))
        if key is not None:
            return {name: entry[key] for name, entry in entries.items() if key in entry}
        kept = {name: {one: entry[one] for one in keys if one in entry} for name, entry in entries.items()}
        return {name: entry for name, entry in kept.items() if entry}

    return run


def _count(source: dict[str, Any]) -> _Program:
    part, where = _part(source["count"]), source.get("where", {})

    def run(scope: Mapping[str, Any]) -> Any:
        entries = _objects(part(scope)).values()
        return sum(all(entry.get(key) == value for key, value in where.items()) for entry in entries)

    return run


def _objects(value: Any) -> dict[str, dict[str, Any]]:
    if not isinstance(value, dict):
        raise ExpressionError("expected an object of objects")
    meter.current().spend(len(value))
    return {name: entry for name, entry in value.items() if isinstance(entry, dict)}


def _first(source: dict[str, Any]) -> _Program:
    parts = _parts(source["first"])

    def run(scope: Mapping[str, Any]) -> Any:
        return next((value for part in parts if (value := part(scope)) is not None and value is not ABSENT), None)

    return run


def _listed(source: dict[str, Any]) -> _Program:
    part, size = _part(source["listed"]), _part(source["size"])

    def run(scope: Mapping[str, Any]) -> Any:
        items, length = part(scope), size(scope)
        if not isinstance(items, dict) or not isinstance(length, int):
            raise ExpressionError("expected an object and a number")
        meter.current().spend(length // 16)
        return [items.get(str(index)) for index in range(length)]

    return run


def _wrap(source: dict[str, Any]) -> _Program:
    part, key = _part(source["wrap"]), source["as"]

    def run(scope: Mapping[str, Any]) -> Any:
        value = part(scope)
        if value is None or value is ABSENT:
            return {}
        return {key: value} if isinstance(value, str) else value

    return run


_FORMS: dict[str, Callable[[dict[str, Any]], _Program]] = {
    "let": _let,
    "case": _case,
    "at": _at,
    "merge": _merge,
    "join": _join,
    "pick": _pick,
    "count": _count,
    "first": _first,
    "listed": _listed,
    "wrap": _wrap,
}
