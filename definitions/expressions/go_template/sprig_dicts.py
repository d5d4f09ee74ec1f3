"""Sprig's functions on maps. `set`, `unset` and the merges change the map they are given, as in Go; a template that
names one of these works on a copy of the run's data."""

from __future__ import annotations

from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.printing import show
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import VALUE_DEPTH, truth, type_name


def _dict(run: Run, *pairs: Any) -> dict[str, Any]:
    """A key without a value has an empty text."""
    values = [*pairs, ""] if len(pairs) % 2 else pairs
    return {show(run, key): value for key, value in zip(values[::2], values[1::2], strict=True)}


def _set(target: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    target[key] = value
    return target


def _unset(target: dict[str, Any], key: str) -> dict[str, Any]:
    target.pop(key, None)
    return target


def _pick(source: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: source[key] for key in keys if key in source}


def _omit(source: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in source.items() if key not in keys}


def _dig(run: Run, *arguments: Any) -> Any:
    *keys, default, value = arguments
    for key in keys:
        if not isinstance(key, str):
            raise ExpressionError(f"interface conversion: interface {{}} is {type_name(key)}, not string")
    for key in keys:
        if not isinstance(value, dict):
            raise ExpressionError(f"interface conversion: interface {{}} is {type_name(value)}")
        if key not in value:
            return default
        value = value[key]
    return value


def _merge(run: Run, overwrite: bool, target: dict[str, Any], *sources: dict[str, Any]) -> dict[str, Any]:
    for source in sources:
        _merge_into(run, target, source, overwrite, 0)
    return target


def _merge_into(run: Run, target: dict[str, Any], source: dict[str, Any], overwrite: bool, depth: int) -> None:
    """Fills what is missing or empty; with `overwrite`, replaces all but maps, which are merged."""
    if depth > VALUE_DEPTH:
        raise ExpressionError(f"the value is nested more than {VALUE_DEPTH} deep")
    for key, value in list(source.items()):
        run.spend(1)
        held = target.get(key)
        if isinstance(value, dict) and isinstance(held, dict) and held is not value:
            _merge_into(run, held, value, overwrite, depth + 1)
        if isinstance(value, list) and overwrite:
            target[key] = value
        keeps = truth(held) and isinstance(value, (dict, list))
        if not keeps and (overwrite or (not truth(held) and (value is not None))):
            target[key] = value


def _keys(*sources: dict[str, Any]) -> list[str]:
    """Sorted, where Go gives them in no order."""
    return [key for source in sources for key in sorted(source)]


def deep_copy(run: Run, value: Any, depth: int = 0) -> Any:
    """Raises ExpressionError for what is nested too deep."""
    run.spend(1)
    if depth > VALUE_DEPTH:
        raise ExpressionError(f"the value is nested more than {VALUE_DEPTH} deep")
    if isinstance(value, dict):
        return {key: deep_copy(run, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [deep_copy(run, item, depth + 1) for item in value]
    return value


def _merging(overwrite: bool) -> Function:
    return fn("mm*", lambda run, *maps: _merge(run, overwrite, *maps), mutates=True)


DICTS: dict[str, Function] = {
    "dict": fn("a*", _dict),
    "get": pure("ms", lambda source, key: source.get(key, "")),
    "set": fn("msa", lambda run, *arguments: _set(*arguments), mutates=True),
    "unset": fn("ms", lambda run, *arguments: _unset(*arguments), mutates=True),
    "hasKey": pure("ms", lambda source, key: key in source),
    "pluck": pure("sm*", lambda key, *sources: [source[key] for source in sources if key in source]),
    "keys": pure("m*", _keys),
    "values": pure("m", lambda source: [source[key] for key in sorted(source)]),
    "pick": pure("ms*", _pick),
    "omit": pure("ms*", _omit),
    "dig": fn("aaaa*", _dig),
    "merge": _merging(False),
    "mustMerge": _merging(False),
    "mergeOverwrite": _merging(True),
    "mustMergeOverwrite": _merging(True),
    "deepCopy": fn("a", deep_copy),
    "mustDeepCopy": fn("a", deep_copy),
}
