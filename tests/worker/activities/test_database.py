"""`database`: values are bound and nothing else, statements are bounded in every way, and no failure tells the URL."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from tests.worker.activities.workbench import Bench, call
from worker.activities import database_connections

SLOW = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


class Stock:
    """A database file with a table `stock`, as the connection `stock`."""

    def __init__(self, bench: Bench, file: Path) -> None:
        self.bench, self.file = bench, file
        self.direct("CREATE TABLE stock (sku TEXT PRIMARY KEY, count INTEGER, note BLOB)")
        self.direct("INSERT INTO stock VALUES ('SKU-1', 49, x'ff00'), ('SKU-2', 51, NULL)")
        bench.configure(db_name=(("STOCK", ((), f"sqlite:///{file}")),))

    def direct(self, sql: str) -> list[Any]:
        connection = sqlite3.connect(self.file)
        with connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    async def query(self, query: str, org: str = "acme", **more: Any) -> Any:
        return await self.bench.run("database", self._call(query, org, more))

    async def failure(self, query: str, org: str = "acme", **more: Any) -> tuple[str, str, bool]:
        error = await self.bench.failure("database", self._call(query, org, more))
        return error.type or "", error.message, not error.non_retryable

    def _call(self, query: str, org: str, more: dict[str, Any]) -> Any:
        return call({"connection": "stock", "query": query, **more}, org=org)


@pytest.fixture
def stock(bench: Bench, tmp_path: Path) -> Iterator[Stock]:
    yield Stock(bench, tmp_path / "stock.db")


async def test_rows_and_what_is_changed(stock: Stock) -> None:
    found = await stock.query("SELECT sku, count FROM stock WHERE count < :most;", params={"most": 50})
    assert found == {"rows": [{"sku": "SKU-1", "count": 49}], "rowCount": 1}
    changed = await stock.query("UPDATE stock SET count = count + :n", params={"n": 100})
    assert changed == {"rows": [], "rowCount": 2}
    assert stock.direct("SELECT sum(count) FROM stock") == [(300,)]
    assert await stock.query("INSERT INTO stock VALUES (:s, 1, NULL) RETURNING sku", params={"s": "N"}) == {
        "rows": [{"sku": "N"}],
        "rowCount": 1,
    }
    assert stock.direct("SELECT count(*) FROM stock") == [(3,)]


@pytest.mark.parametrize(
    "hostile",
    [
        "' OR '1'='1",
        "SKU-1'; DROP TABLE stock; --",
        "'); DELETE FROM stock; --",
        "\\' OR 1=1 --",
        ":most",
        "%s",
        "\x00",
        "{{x}}",
        "é𝄞",
    ],
)
async def test_a_value_is_never_a_part_of_the_statement(stock: Stock, hostile: str) -> None:
    assert (await stock.query("SELECT sku FROM stock WHERE sku = :s", params={"s": hostile}))["rows"] == []
    echoed = await stock.query("SELECT :s AS s, ':s' AS t", params={"s": hostile})
    assert echoed["rows"] == [{"s": hostile, "t": ":s"}]
    assert stock.direct("SELECT count(*) FROM stock") == [(2,)]


async def test_colons_in_quotes_and_names_are_text(stock: Stock) -> None:
    query = 'SELECT \'12:30 :a \\:b ::c\' AS "x:y", "sku" /* :z */ FROM stock WHERE sku = :sku -- :z'
    assert (await stock.query(query, params={"sku": "SKU-2"}))["rows"] == [{"x:y": "12:30 :a \\:b ::c", "sku": "SKU-2"}]


async def test_values_become_json(stock: Stock) -> None:
    given = {"list": [1, {"a": None}], "yes": True, "none": None, "half": 0.5}
    query = "SELECT :list AS list, :yes AS yes, :none AS none, :half AS half, note, 9007199254740993 AS big, 1 AS big"
    assert (await stock.query(query + " FROM stock LIMIT 1", params=given))["rows"] == [
        {"list": '[1, {"a": null}]', "yes": 1, "none": None, "half": 0.5, "note": {"base64": "/wA="}}
        | {"big": "9007199254740993", "big_2": 1}
    ]


@pytest.mark.parametrize(
    ("query", "code", "says"),
    [
        ("SELECT 1; DROP TABLE stock", "query-invalid", "one statement"),
        ("SELECT :other", "query-invalid", "no 'other'"),
        ("SELECT 'a", "query-invalid", "nothing closes"),
        ("SELEC 1", "database-failed", "syntax error"),
        ("SELECT * FROM nowhere", "database-failed", "no such table"),
        ("INSERT INTO stock VALUES ('SKU-1', 1, NULL)", "database-failed", "UNIQUE"),
        ("ATTACH DATABASE '/tmp/other.db' AS other", "database-failed", "not authorized"),
        ("VACUUM INTO '/tmp/copy.db'", "database-failed", ""),
        ("PRAGMA database_list", "database-failed", "not authorized"),
        ("SELECT file FROM pragma_database_list", "database-failed", "not authorized"),
        ("PRAGMA query_only = 1", "database-failed", "not authorized"),
        ("SELECT load_extension('x')", "database-failed", ""),
    ],
)
async def test_what_is_refused(stock: Stock, query: str, code: str, says: str) -> None:
    found, message, _ = await stock.failure(query)
    assert found == code
    assert says in message
    assert str(stock.file) not in message
    assert stock.direct("SELECT count(*) FROM stock") == [(2,)]


async def test_a_query_may_look_at_tables_as_they_are(stock: Stock) -> None:
    assert [row["name"] for row in (await stock.query("PRAGMA table_info(stock)"))["rows"]] == ["sku", "count", "note"]
    assert (await stock.query("PRAGMA query_only"))["rows"] == [{"query_only": 0}]


async def test_too_large_a_number_is_an_error_of_the_query(stock: Stock) -> None:
    assert (await stock.failure("SELECT :n", params={"n": 2**70}))[0] == "database-failed"


async def test_a_failed_statement_leaves_nothing(stock: Stock) -> None:
    query = "INSERT INTO stock SELECT sku || 'x', 1, NULL FROM stock UNION ALL SELECT 'SKU-1', 1, NULL"
    assert (await stock.failure(query))[0] == "database-failed"
    assert stock.direct("SELECT count(*) FROM stock") == [(2,)]


async def test_rows_and_bytes_are_bounded(stock: Stock) -> None:
    many = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 5000) SELECT x FROM n"
    assert (await stock.failure(many))[:2] == (
        "result-too-large",
        "the query gives more than 1000 rows: use LIMIT, or fewer columns",
    )
    assert (await stock.query(many, rows=5000))["rowCount"] == 5000
    wide = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 50) SELECT hex(zeroblob(50000)) FROM n"
    assert "bytes" in (await stock.failure(wide))[1]


async def test_a_slow_query_is_stopped(stock: Stock) -> None:
    began = time.monotonic()
    code, message, again = await stock.failure(SLOW, timeout=0.3)
    assert (code, again) == ("database-timeout", False)
    assert "0.3 seconds" in message
    assert time.monotonic() - began < 3
    # Its connection is free again, and nothing is left running.
    assert (await stock.query("SELECT 1 AS one"))["rows"] == [{"one": 1}]


async def test_a_cancelled_call_stops_its_query(stock: Stock) -> None:
    began = threading.active_count()
    task = asyncio.ensure_future(stock.query(SLOW, timeout=60))
    await until(lambda: "tidegate-call" in names_of_threads())
    stock.bench.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The thread that interrupts ends once the query has.
    await until(lambda: "tidegate-interrupt" not in names_of_threads())
    assert threading.active_count() <= began + 1


def names_of_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_many_queries_at_once(stock: Stock) -> None:
    queries = [stock.query("SELECT :n AS n", params={"n": n}) for n in range(60)]
    found = await asyncio.gather(*queries)
    assert [one["rows"] for one in found] == [[{"n": n}] for n in range(60)]


async def test_connections_are_the_operators(stock: Stock, bench: Bench) -> None:
    url = f"sqlite:///{stock.file}"
    bench.configure(db_name=(("MINE", (("acme",), url)), ("BAD", ((), "nosuch://u:hunter2@host/x"))))
    assert (await bench.run("database", call({"connection": "mine", "query": "SELECT 1 AS a"})))["rowCount"] == 1
    for name, org, code in (
        ("mine", "other", "connection-unknown"),
        ("nobody", "acme", "connection-unknown"),
        ("bad", "acme", "connection-invalid"),
    ):
        error = await bench.failure("database", call({"connection": name, "query": "SELECT 1"}, org=org))
        assert (error.type, error.non_retryable) == (code, True)
        assert "hunter2" not in error.message


async def test_what_mysql_reads_otherwise_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a connection is made; the driver is a module that only has to be there."""
    monkeypatch.setitem(sys.modules, "pymysql", types.ModuleType("pymysql"))
    sys.modules["pymysql"].paramstyle = "format"  # type: ignore[attr-defined]
    bench.configure(db_name=(("MY", ((), "mysql+pymysql://nobody@127.0.0.1:1/x")),))
    query = {"connection": "my", "query": r"SELECT 'it\'s', :a, 'it\'s'", "params": {"a": 1}}
    error = await bench.failure("database", call(query))
    assert (error.type, error.non_retryable) == ("query-invalid", True)
    assert "MySQL" in error.message


async def test_an_unreachable_database_is_tried_again(bench: Bench) -> None:
    bench.configure(db_name=(("GONE", ((), "sqlite:////nowhere/at/all/hunter2.db")),))
    error = await bench.failure("database", call({"connection": "gone", "query": "SELECT 1"}))
    assert (error.type, error.non_retryable, error.message) == (
        "database-connection",
        False,
        "the database cannot be reached",
    )


@pytest.mark.parametrize(
    "config",
    [
        {"connection": "sqlite://", "query": "SELECT 1"},
        {"connection": "a", "query": ""},
        {"connection": "a", "query": "SELECT 1", "rows": 0},
        {"connection": "a", "query": "SELECT 1", "url": "sqlite://"},
        {"connection": "a\n", "query": "SELECT 1"},
    ],
)
async def test_a_config_is_checked(bench: Bench, config: dict[str, Any]) -> None:
    assert (await bench.failure("database", call(config))).type == "config-invalid"


@pytest.mark.parametrize("url", ["postgresql+psycopg://u@db/x", "mysql+pymysql://u@db/x"])
def test_a_server_is_connected_to_anew_for_each_query(url: str) -> None:
    # What `SET` changes is of the session, which may not reach another organisation's query.
    assert database_connections._options(make_url(url))["poolclass"] is NullPool
