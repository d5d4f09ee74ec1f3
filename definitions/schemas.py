"""JSON Schema checks: compiled once per process (a naive check costs 40 times a cached one), bounded in their work."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from definitions.errors import ExpressionError
from definitions.expressions.meter import Meter, counted_by, current

#: Keywords that run a user's regular expression, or reach out of the document: they could stall or leave a workflow.
UNSUPPORTED = frozenset({"pattern", "patternProperties", "$dynamicRef", "$id"})

#: Keywords applied to values in one check: each takes about 10 microseconds.
WORK_LIMIT = 100_000
#: Errors that are looked at to find the first one.
ERRORS_SEEN = 50

_Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


def refuse_unsupported(schema: Any, path: str = "$") -> None:
    """Raise ValueError, with the path, for a schema that uses an unsupported keyword or a `$ref` out of itself."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            refuse_unsupported(item, f"{path}[{index}]")
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in UNSUPPORTED:
            raise ValueError(f"{path}.{key}: this JSON Schema keyword is not supported")
        if key == "$ref" and not str(value).startswith("#"):
            raise ValueError(f"{path}.$ref: only references within the schema are supported")
        if key == "properties" and isinstance(value, dict):
            for name, property_schema in value.items():
                refuse_unsupported(property_schema, f"{path}.properties.{name}")
        elif key not in ("enum", "const", "default", "examples"):
            refuse_unsupported(value, f"{path}.{key}")


def _metered(keyword: _Keyword) -> _Keyword:
    def check(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError] | None:
        # A list of constants is gone through; what else is long is paid for by the keywords within it.
        current().spend(1 + (len(value) // 32 if isinstance(value, list) else 0))
        return keyword(validator, value, instance, schema)

    return check


def _unique_items(validator: Any, unique: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
    """In linear time, where the library compares every two objects."""
    if unique and validator.is_type(instance, "array"):
        current().spend(len(instance) // 8)
        if len({_comparable(item) for item in instance}) < len(instance):
            yield ValidationError("the list has an item twice")


def _comparable(value: Any) -> Hashable:
    """Equal for what JSON Schema holds equal: 1 is 1.0, but neither true nor "1"."""
    current().spend()
    if isinstance(value, dict):
        return dict, frozenset((key, _comparable(item)) for key, item in value.items())
    if isinstance(value, list):
        return list, tuple(map(_comparable, value))
    return (bool if isinstance(value, bool) else None, value)


_Metered: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {name: _metered(keyword) for name, keyword in Draft202012Validator.VALIDATORS.items()}
    | {"uniqueItems": _unique_items},
)


@lru_cache(maxsize=512)
def _validator(text: str) -> Validator:
    schema = json.loads(text)
    # Not held against the meta-schema: whoever compiles a definition has looked at it, and a large one takes seconds.
    refuse_unsupported(schema)
    made: Validator = _Metered(schema)
    return made


def first_error(
    schema: dict[str, Any], value: Any, work: int = WORK_LIMIT, definitions: dict[str, Any] | None = None
) -> tuple[str, str] | None:
    """The (JSON path, message) of the first thing in `value` that does not fit, or None.

    `definitions` are schemas that it refers to as `#/definitions/<name>`, when they are not its own. What would take
    more than `work` to check does not fit. Raises ValueError for a schema that cannot be used.
    """
    if definitions:
        refuse_unsupported(schema)
        validator = _validator(json.dumps({"definitions": definitions})).evolve(schema=schema)
    else:
        validator = _validator(json.dumps(schema))
    try:
        with counted_by(Meter(work)):
            found = list(islice(validator.iter_errors(value), ERRORS_SEEN))
    except RecursionError:  # a schema that refers to itself, and a value nested deeper than Python's stack
        return "$", "is nested too deep"
    except ExpressionError:
        return "$", "is too large to be checked"
    except Exception as error:  # what is no schema fails in many ways
        raise ValueError(f"the schema cannot be used: {type(error).__name__}: {error}") from error
    if not found:
        return None
    first = min(found, key=lambda one: one.json_path)
    return first.json_path, first.message if len(first.message) <= 300 else first.message[:300] + "…"
