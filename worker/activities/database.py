"""`database`: one SQL statement on a connection that the operator has configured (`TIDEGATE_DB_NAME`).

The config is {connection, query, params?, timeout?, rows?}: the query has `:name` where a value of `params` is bound;
values are never a part of the SQL. Lists and objects are bound as their JSON text. The statement is one transaction,
committed if it succeeds. Output: {rows: [{column: value}], rowCount}; without rows, `rowCount` is how many it changed.
Dates and times become ISO 8601 text, exact numbers a number or, if that would not be exact, text, bytes {"base64": …}.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from definitions import sql_text
from definitions.contract import Call
from worker.activities.database_connections import Databases
from worker.activities.database_query import Interrupted, Query, Refused
from worker.activities.executor import Executor, Tools
from worker.activities.failures import call_failed

DEFAULT_SECONDS, DEFAULT_ROWS = 30.0, 1_000
MAX_ROWS = 10_000

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "connection": {"type": "string", "pattern": r"^[A-Za-z0-9_]{1,60}\Z"},
        "query": {"type": "string", "minLength": 1, "maxLength": sql_text.SQL_LIMIT},
        "params": {"type": "object"},
        "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600},
        "rows": {"type": "integer", "minimum": 1, "maximum": MAX_ROWS},
    },
    "required": ["connection", "query"],
    "additionalProperties": False,
}


async def run(call: Call, tools: Tools) -> Any:
    """Raises `connection-unknown`, `query-invalid`, `database-…`, `result-too-large`."""
    config = call.config
    params = config.get("params", {})
    _check(config["query"], params)
    databases = tools.kept(Databases)
    engine = databases.engine(config["connection"], call.context.organisation, tools.settings)
    if engine.dialect.name in ("mysql", "mariadb"):
        _refuse(lambda: sql_text.refuse_mysql(config["query"]))
    query = Query(engine, config["query"], params, config.get("rows", DEFAULT_ROWS))
    seconds = config.get("timeout", DEFAULT_SECONDS)
    work = asyncio.ensure_future(databases.threads.run(lambda: query.run(seconds)))
    try:
        return await asyncio.wait_for(asyncio.shield(work), seconds)
    except asyncio.TimeoutError:
        message = f"the query took longer than {seconds:g} seconds, and was stopped"
        raise call_failed("database-timeout", message, retryable=False) from None
    except Interrupted:
        raise call_failed("database-timeout", "the query was stopped", retryable=False) from None
    except Refused as error:
        raise call_failed(error.code, str(error), retryable=error.retryable) from None
    except SQLAlchemyError as error:
        raise call_failed("database-failed", type(error).__name__, retryable=False) from None
    finally:
        if not work.done():
            query.interrupt()
            # Nobody waits for its outcome any more: that it was stopped is no error to be reported.
            work.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _check(query: str, params: Mapping[str, Any]) -> None:
    _refuse(lambda: sql_text.refuse_several(query))
    missing = [name for name in sql_text.parameters(query) if name not in params]
    if missing:
        raise call_failed("query-invalid", f"`params` has no {missing[0]!r}", retryable=False)


def _refuse(check: Callable[[], None]) -> None:
    try:
        check()
    except ValueError as error:
        raise call_failed("query-invalid", str(error), retryable=False) from None


EXECUTOR = Executor(run, CONFIG_SCHEMA)
