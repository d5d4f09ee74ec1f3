"""`misfit`: {"schema": JSON Schema, "of": E, "what": text} tells why the value of E does not fit, or null."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from definitions import schemas
from definitions.model import Expression


def compile(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Raises ValueError."""
    # Not at the top: the table of languages has this one in it.
    from definitions.expressions import program

    if not isinstance(source, dict) or set(source) != {"schema", "of", "what"}:
        raise ValueError("expected {schema, of, what}")
    schema, what = source["schema"], source["what"]
    schemas.refuse_unsupported(schema)
    value = program(Expression.model_validate(source["of"]))

    def run(scope: Mapping[str, Any]) -> Any:
        problem = schemas.first_error(schema, value(scope))
        return None if problem is None else f"{what} does not fit its schema: {problem[0]}: {problem[1]}"

    return run
