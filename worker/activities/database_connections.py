"""The databases that the operator has configured, each an engine, made when it is first needed."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from worker.activities.failures import call_failed
from worker.activities.threads import DaemonThreads
from worker.settings import Settings

#: Queries at once on a worker.
AT_ONCE = 16
#: Seconds to wait for a connection, and after which an idle one is made anew.
CONNECT_SECONDS, RECYCLE_SECONDS = 10, 1_800

#: Scheme -> the driver that is meant if none is named.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
#: Scheme -> how long to connect, as its driver calls it.
_CONNECT = {"postgresql": "connect_timeout", "mysql": "connect_timeout", "mariadb": "connect_timeout"}


#: Pragmas of SQLite that may have an argument: it names a table or an index. That of any other would change the
#: connection, which later queries use, or the file.
_PRAGMAS = frozenset(
    {"table_info", "table_xinfo", "index_list", "index_info", "index_xinfo", "foreign_key_list", "foreign_key_check"}
)


class Databases:
    """One per worker; used from its event loop."""

    def __init__(self) -> None:
        self.threads = DaemonThreads(AT_ONCE)
        self._engines: dict[str, Engine] = {}

    def engine(self, name: str, organisation: str, settings: Settings) -> Engine:
        """Raises `connection-unknown`, also if it is not for this organisation, and `connection-invalid`."""
        found = dict(settings.db_name).get(name.upper())
        organisations, url = found if found is not None else ((), "")
        if found is None or (organisations and organisation not in organisations):
            message = f"this organisation has no connection {name!r}: the operator sets one (TIDEGATE_DB_NAME)"
            raise call_failed("connection-unknown", message, retryable=False)
        if name.upper() not in self._engines:
            self._engines[name.upper()] = _engine(name, url)
        return self._engines[name.upper()]


def _engine(name: str, text: str) -> Engine:
    """Connects to nothing yet. What is wrong is told without the URL, which has a password in it."""
    try:
        url = make_url(text)
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        engine = create_engine(url, **_options(url))
    except (ArgumentError, NoSuchModuleError, TypeError, ValueError):
        raise call_failed(
            "connection-invalid", f"the URL of connection {name!r} cannot be used", retryable=False
        ) from None
    except ImportError as error:
        message = f"the driver for connection {name!r} is not installed on this worker: {error.name}"
        raise call_failed("connection-invalid", message, retryable=False) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _guard_sqlite)
    return engine


def _options(url: URL) -> dict[str, Any]:
    options: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": True, "pool_recycle": RECYCLE_SECONDS}
    backend = url.get_backend_name()
    if backend in _CONNECT and _CONNECT[backend] not in url.query:
        options["connect_args"] = {_CONNECT[backend]: CONNECT_SECONDS}
    if backend != "sqlite":
        # What a query sets beyond its transaction ends with its connection, and meets no other organisation's query.
        options["poolclass"] = NullPool
    return options


def _guard_sqlite(connection: Any, _record: Any) -> None:
    """A query sees its own database only: no other file of the worker's machine."""
    connection.set_authorizer(_authorized)


def _authorized(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    denied = action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    # Functions that SQLite's own shell brings, should a build have them.
    denied = denied or (action == sqlite3.SQLITE_FUNCTION and second in ("load_extension", "readfile", "writefile"))
    denied = denied or (action == sqlite3.SQLITE_PRAGMA and not _may_ask((first or "").lower(), second))
    return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK


def _may_ask(pragma: str, argument: str | None) -> bool:
    """Whether a query may have this pragma: where the file is, is the operator's alone."""
    return pragma in _PRAGMAS or (argument is None and pragma != "database_list")
