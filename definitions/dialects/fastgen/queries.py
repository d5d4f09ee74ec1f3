"""Database queries: an expression in a query's text becomes a parameter, so that no value is ever a part of the SQL."""

from __future__ import annotations

import re
from typing import Any

from definitions import checks, sql_text
from definitions.dialects.fastgen import words
from definitions.dialects.fastgen.actions import Action, Context, Made, has_keys, seconds_of
from definitions.json_path import child
from definitions.model import CallStep, RetryPolicy
from definitions.report import Report

_CONNECTION = re.compile(r"[A-Za-z0-9_]{1,60}")
#: What a parameter of an expression is called; those that are written out may not begin so.
_OWN = "expression_"
_ADVICE = (
    "an expression cannot stand in quotes or comments, or for a name: its value is bound, so leave the quotes out "
    "(LIKE '%' || {{$param.text}} || '%')"
)


def database_query(action: Action, context: Context) -> Made:
    if not has_keys(action, context, ("connection", "query"), ("params", "timeout", "rows")):
        return None
    config, report, at = action.config, context.report, action.at
    good = isinstance(config["connection"], str) and _CONNECTION.fullmatch(config["connection"]) is not None
    message = "expected 1 to 60 letters, digits and _"
    checks.expect(good, child(at, "connection"), report, "connection-invalid", message)
    params = config.get("params", {})
    if not checks.is_object(params, child(at, "params"), report):
        return None
    text, bound = _bound(config["query"], child(at, "query"), report)
    _check_params(text, bound, params, at, report)
    rows = config.get("rows", words.ROWS)
    checks.is_whole(rows, 1, words.ROWS_LIMIT, child(at, "rows"), report)
    seconds = seconds_of(action, context, words.QUERY_SECONDS, words.QUERY_SECONDS_LIMIT)
    written = {"connection": config["connection"], "query": text, "params": {**params, **bound}}
    checked = {"query": list(bound.values()), "params": params}
    _check_expressions(action, context, bound)
    if report.problems:
        return None
    return CallStep(
        executor="database",
        input=context.names.value(checked, at, {**written, "timeout": seconds, "rows": rows}),
        config_from="input",
        retry=RetryPolicy(maximum_attempts=words.RETRIES + 1),
        timeout=seconds + words.SLACK_SECONDS,
        save=action.save,
    )


def _bound(query: Any, at: str, report: Report) -> tuple[str, dict[str, str]]:
    """The query with a parameter for every expression, and these parameters."""
    if not isinstance(query, str) or not query.strip() or len(query) > sql_text.SQL_LIMIT:
        report.add("query-invalid", at, f"expected text of 1 to {sql_text.SQL_LIMIT} characters")
        return "", {}
    parts: list[str] = []
    bound: dict[str, str] = {}
    try:
        for kind, piece in sql_text.pieces(query):
            if kind == "braces":
                bound[f"{_OWN}{len(bound) + 1}"] = piece
                piece = f" :{_OWN}{len(bound)} "
            elif "{{" in piece:
                report.add("query-expression-quoted", at, _ADVICE)
            parts.append(piece)
        sql_text.refuse_several("".join(parts))
    except ValueError as error:
        report.add("query-invalid", at, str(error))
    return "".join(parts), bound


def _check_params(text: str, bound: dict[str, str], params: dict[str, Any], at: str, report: Report) -> None:
    if report.problems:
        return
    used = [name for name in sql_text.parameters(text) if name not in bound]
    missing, unused = [one for one in used if one not in params], [one for one in params if one not in used]
    if missing:
        report.add("query-invalid", child(at, "query"), f"`params` has no {missing[0]!r}")
    if unused:
        message = f"the query has no parameter :{unused[0][:80]}"
        report.add("query-invalid", child(child(at, "params"), unused[0]), message)


def _check_expressions(action: Action, context: Context, bound: dict[str, str]) -> None:
    """Once by themselves, so that what is wrong has the place of the query."""
    for expression in bound.values():
        context.names.value(expression, child(action.at, "query"))
