"""One statement on one connection, in a thread of its own, which can be stopped from outside."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from definitions import sql_text
from worker.activities.database_values import to_json

#: Rows that are read at once, and bytes of all rows as JSON, about.
CHUNK, BYTES = 200, 900_000
#: Characters of what the database says of a failure.
EXCERPT = 500
#: Seconds between two tries to stop a query, and how many: one that comes too early has no effect.
STOP_EVERY, STOP_TRIES = 0.2, 50

#: Backend -> what bounds the time of a statement on the server; `{}` is in milliseconds.
_TIMEOUTS = {
    "postgresql": "SET LOCAL statement_timeout = {}",
    "mysql": "SET SESSION max_execution_time = {}",
}
_COLON = re.compile(r":")


class Refused(Exception):
    """A query failed: `code`, and whether another attempt makes sense."""

    def __init__(self, code: str, message: str, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class Interrupted(Exception):
    """A query was stopped from outside."""


class Query:
    """A query that is run once, by `run` in one thread, and may be stopped by `interrupt` in another."""

    def __init__(self, engine: Engine, query: str, params: Mapping[str, Any], rows: int) -> None:
        self._engine = engine
        self._statement = text(_escaped(query))
        self._params = {name: _bindable(params[name]) for name in sql_text.parameters(query)}
        self._rows = rows
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._driver: Any = None

    def interrupt(self) -> None:
        """Stop the query; returns at once."""
        self._stopped.set()
        threading.Thread(target=self._interrupt, daemon=True, name="tidegate-interrupt").start()

    def _interrupt(self) -> None:
        for _ in range(STOP_TRIES):
            driver = self._driver
            stop = getattr(driver, "interrupt", None) or getattr(driver, "cancel", None)
            if stop is not None:
                with contextlib.suppress(Exception):  # The connection may have been closed meanwhile.
                    stop()
            if self._ended.wait(STOP_EVERY):
                return

    def run(self, seconds: float) -> dict[str, Any]:
        """Raises Refused, Interrupted."""
        try:
            return self._run(seconds)
        except Refused:
            raise
        except (SQLAlchemyError, OverflowError, UnicodeError, TypeError, ValueError) as error:
            if self._stopped.is_set():
                raise Interrupted from None
            raise _refused(error) from None
        finally:
            self._driver = None
            self._ended.set()

    def _run(self, seconds: float) -> dict[str, Any]:
        with _connected(self._engine) as connection:
            self._driver = connection.connection.driver_connection
            with connection.begin() as transaction:
                if (bound := _TIMEOUTS.get(connection.dialect.name)) is not None:
                    connection.exec_driver_sql(bound.format(int(seconds * 1000)))
                self._check()
                output = self._output(connection.execute(self._statement, self._params))
                self._check()
                _commit(transaction)
                return output

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Interrupted

    def _output(self, result: CursorResult[Any]) -> dict[str, Any]:
        if not result.returns_rows:
            return {"rows": [], "rowCount": max(result.rowcount, 0)}
        names = _distinct(list(result.keys()))
        rows: list[dict[str, Any]] = []
        size = 0
        while chunk := result.fetchmany(CHUNK):
            self._check()
            rows += [dict(zip(names, map(to_json, row), strict=True)) for row in chunk]
            size += sum(len(json.dumps(row)) for row in rows[-len(chunk) :])
            if len(rows) > self._rows or size > BYTES:
                limit = f"{self._rows} rows" if len(rows) > self._rows else f"{BYTES} bytes"
                raise Refused("result-too-large", f"the query gives more than {limit}: use LIMIT, or fewer columns")
        return {"rows": rows, "rowCount": len(rows)}


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except (DBAPIError, PoolTimeout, OSError):
        # What the driver says may name the host, the user and more of the URL.
        raise Refused("database-connection", "the database cannot be reached", retryable=True) from None


def _commit(transaction: Any) -> None:
    try:
        transaction.commit()
    except DBAPIError as error:
        message = f"it is not known whether the query has taken effect: {_said(error)}"
        # A lost connection leaves that open; what the database itself refuses (a deferred constraint) does not.
        raise Refused("database-failed", message, retryable=False) from None


def _refused(error: Exception) -> Refused:
    if isinstance(error, DBAPIError):
        # All of it is rolled back, so that another attempt does nothing twice.
        again = isinstance(error, OperationalError)
        return Refused("database-failed", f"the database refused the query: {_said(error)}", retryable=again)
    return Refused("database-failed", f"the query cannot be sent: {str(error)[:EXCERPT]}")


def _said(error: DBAPIError) -> str:
    said = " ".join(str(error.orig).split())
    return said if len(said) <= EXCERPT else said[: EXCERPT - 1] + "…"


def _escaped(query: str) -> str:
    """The text for SQLAlchemy, which would take a colon in quotes for the beginning of a parameter."""
    parts = []
    for kind, piece in sql_text.pieces(query):
        parts.append(" " if kind == "comment" else piece if kind == "code" else _COLON.sub(r"\\:", piece))
    return "".join(parts)


def _bindable(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _distinct(names: Sequence[str]) -> list[str]:
    """Columns of one name are told apart: `id`, `id_2`."""
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found
