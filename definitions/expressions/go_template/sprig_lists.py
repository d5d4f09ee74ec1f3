"""Sprig's functions on lists. All give new lists; none changes the one it is given."""

from __future__ import annotations

from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template.compare import deep_equal
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.sprig_numbers import to_int
from definitions.expressions.go_template.values import kind, truth


def _listed(verb: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ExpressionError(f"Cannot {verb} on type {kind(value)}")
    return value


def _slice(value: Any, *positions: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ExpressionError(f"list should be type of slice or array but {kind(value)}")
    if not value:
        return []
    start = to_int(positions[0]) if positions else 0
    end = to_int(positions[1]) if len(positions) > 1 else len(value)
    if not 0 <= start <= end <= len(value):
        raise ExpressionError(f"slice bounds out of range [{start}:{end}] with length {len(value)}")
    return value[start:end]


def _chunks(size: int, value: Any) -> list[list[Any]]:
    items = _listed("chunk", value)
    if size < 1:
        raise ExpressionError("the size of a chunk has to be positive")
    return [items[at : at + size] for at in range(0, len(items), size)]


def _concat(run: Run, *lists: Any) -> list[Any]:
    return [item for part in lists for item in _listed("concat", part)]


def _among(run: Run, item: Any, others: Any) -> bool:
    return any(deep_equal(run, item, other) for other in others)


def _without(run: Run, value: Any, *omitted: Any) -> list[Any]:
    return [item for item in _listed("find without", value) if not _among(run, item, omitted)]


def _unique(run: Run, value: Any) -> list[Any]:
    found: list[Any] = []
    seen: set[tuple[str, Any]] = set()
    for item in _listed("find uniq", value):
        run.spend(1)
        # Texts are looked up; only what may hold others is compared one by one.
        if isinstance(item, str):
            if ("string", item) in seen:
                continue
            seen.add(("string", item))
        elif _among(run, item, found):
            continue
        found.append(item)
    return found


def _has(run: Run, needle: Any, value: Any) -> bool:
    return value is not None and _among(run, needle, _listed("find has", value))


def _item(verb: str, position: int) -> Function:
    def compute(value: Any) -> Any:
        items = _listed(verb, value)
        return items[position] if items else None

    return pure("a", compute)


_ONCE: dict[str, Function] = {
    "append": pure("aa", lambda value, item: [*_listed("push", value), item]),
    "push": pure("aa", lambda value, item: [*_listed("push", value), item]),
    "prepend": pure("aa", lambda value, item: [item, *_listed("prepend", value)]),
    "first": _item("find first", 0),
    "last": _item("find last", -1),
    "rest": pure("a", lambda value: _listed("find rest", value)[1:]),
    "initial": pure("a", lambda value: _listed("find initial", value)[:-1]),
    "reverse": pure("a", lambda value: _listed("find reverse", value)[::-1]),
    "compact": pure("a", lambda value: [item for item in _listed("compact", value) if truth(item)]),
    "uniq": fn("a", _unique),
    "without": fn("aa*", _without),
    "has": fn("aa", _has),
    "slice": pure("aa*", _slice),
    "chunk": pure("ia", _chunks),
}


def _must(name: str) -> str:
    return f"must{name[0].upper()}{name[1:]}"


LISTS: dict[str, Function] = {
    **_ONCE,
    **{_must(name): function for name, function in _ONCE.items()},
    "list": pure("a*", lambda *items: list(items)),
    "tuple": pure("a*", lambda *items: list(items)),
    "concat": fn("a*", _concat),
}
