"""What the compiler of a task is given, and what all its parts have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from definitions.dialects.compozy import checks
from definitions.dialects.compozy.executables import Executables
from definitions.dialects.compozy.scope import Names
from definitions.dialects.compozy.words import RETRIES_LIMIT
from definitions.json_path import child
from definitions.model import RetryPolicy
from definitions.report import Report
from definitions.schemas import refuse_unsupported

_RETRY_KEYS = ("initial_interval", "backoff_coefficient", "maximum_attempts", "maximum_interval")


@dataclass(frozen=True)
class Context:
    """`inputs` are the ids, made plain, of tasks whose input others name."""

    report: Report
    names: Names
    executables: Executables
    schemas: dict[str, dict[str, Any]]
    inputs: frozenset[str]
    retry: RetryPolicy | None = None
    timeout: float | None = None

    def naming(self, names: Names) -> Context:
        return replace(self, names=names)

    def schema(self, holder: dict[str, Any], key: str, path: str) -> dict[str, Any] | None:
        """The JSON Schema under a key, written out or as an id."""
        return schema_at(holder, key, path, self.schemas, self.report)


def schema_at(
    holder: dict[str, Any], key: str, path: str, schemas: dict[str, dict[str, Any]], report: Report
) -> dict[str, Any] | None:
    value, where = holder.get(key), child(path, key)
    if value is None:
        return None
    if isinstance(value, str):
        if value not in schemas:
            report.add("schema-unknown", where, f"there is no schema {value[:80]!r}")
        return schemas.get(value)
    return checked_schema(value, where, report)


def checked_schema(value: Any, where: str, report: Report) -> dict[str, Any] | None:
    """A JSON Schema that can be used; its `id` is the vendor's, and no part of it."""
    if not checks.is_object(value, where, report, "schema-invalid"):
        return None
    schema: dict[str, Any] = {key: item for key, item in value.items() if key != "id"}
    try:
        refuse_unsupported(schema)
        _try_out(schema)
    except ValueError as error:
        report.add("schema-invalid", where, str(error)[:300])
        return None
    return schema


def _try_out(schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"{error.json_path}: {error.message}") from None


def retry_at(config: dict[str, Any], path: str, report: Report) -> RetryPolicy | None:
    """The retry policy of a `config`; None if it has none."""
    raw, where = checks.objects_at(config, "retry_policy", path, report), child(path, "retry_policy")
    if not raw:
        return None
    checks.has_keys(raw, _RETRY_KEYS, where, report, unsupported=("non_retryable_error_types",))
    found: dict[str, Any] = {}
    for key in ("initial_interval", "maximum_interval"):
        if (value := checks.seconds_at(raw, key, where, report)) is not None:
            found[key] = value
    attempts, factor = raw.get("maximum_attempts"), raw.get("backoff_coefficient")
    if attempts is not None and checks.is_whole(attempts, 1, RETRIES_LIMIT, child(where, "maximum_attempts"), report):
        found["maximum_attempts"] = attempts
    if factor is not None:
        good = isinstance(factor, int | float) and not isinstance(factor, bool) and 1 <= factor <= 1000
        at = child(where, "backoff_coefficient")
        if checks.expect(good, at, report, "number-invalid", "expected a number from 1 to 1000"):
            found["backoff_coefficient"] = factor
    return RetryPolicy(**found)
