"""The error boundary: every failure in the shape of the dialect that owns the path, and nothing else on the wire."""

from __future__ import annotations

import logging

import httpx
import pytest

from tests.adapter.conftest import Serve
from tests.adapter.toy import RAISED

STATUS = {
    "definition": 400,
    "unauthenticated": 401,
    "not-found": 404,
    "exists": 409,
    "too-large": 413,
    "overloaded": 429,
    "unavailable": 503,
    "defect": 500,
    "cancelled": 503,
}
HEADERS = {
    "unauthenticated": ("www-authenticate", "Bearer"),
    "overloaded": ("retry-after", "7"),
    "unavailable": ("retry-after", "3"),
    "cancelled": ("retry-after", "1"),
    "too-large": ("connection", "close"),
}


@pytest.mark.parametrize("kind", RAISED)
async def test_every_error_has_the_shape_of_its_dialect(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.get(f"/toy-raise/{kind}")
    assert answer.status_code == STATUS[kind]
    assert answer.headers["x-toy"] == "yes"
    assert set(answer.json()) == {"toy", "why"}
    if kind in HEADERS:
        name, value = HEADERS[kind]
        assert answer.headers[name] == value


async def test_a_defect_tells_nothing_and_is_logged_under_the_request_id(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "tidegate.adapter"):
        answer = await http.get("/toy-raise/defect", headers={"x-request-id": "find-me"})
    assert answer.json() == {"toy": "internal", "why": "internal error"}
    assert "hunter2" not in answer.text + str(answer.headers)
    (record,) = caplog.records
    assert record.__dict__["fields"] == {"request_id": "find-me"}
    assert "hunter2" in caplog.text


async def test_unknown_paths_of_a_dialect(http: httpx.AsyncClient) -> None:
    answer = await http.get("/toy/acme/nothing")
    assert (answer.status_code, answer.json()["toy"]) == (404, "unknown-route")


async def test_a_wrong_method_names_all_that_the_path_has(http: httpx.AsyncClient) -> None:
    answer = await http.put("/toy/acme/things/1")
    assert (answer.status_code, answer.json()["toy"]) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "DELETE, GET"


async def test_head_is_no_get_for_a_dialect(http: httpx.AsyncClient) -> None:
    answer = await http.head("/toy/acme/things/1")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "DELETE, GET", b"")


async def test_options_tells_the_methods_and_allows_no_other_site(http: httpx.AsyncClient) -> None:
    answer = await http.options("/toy/acme/things/1")
    assert (answer.status_code, answer.headers["allow"]) == (204, "DELETE, GET, OPTIONS")
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert (await http.options("/toy/acme/nothing")).status_code == 404


async def test_the_neutral_shape_where_no_dialect_owns_the_path(http: httpx.AsyncClient) -> None:
    answer = await http.get("/nowhere/secret-name")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such path",
        "code": "unknown-route",
        "request_id": answer.headers["x-request-id"],
    }
    assert (await http.post("/healthz")).json()["code"] == "method-not-allowed"


async def test_a_slash_at_the_end_is_another_path_not_a_redirect(http: httpx.AsyncClient) -> None:
    assert (await http.get("/toy/acme/things/1/")).status_code == 404


async def test_a_failure_in_the_middle_of_an_answer_cuts_it(http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get("/toy-half")
    assert (await http.get("/healthz")).status_code == 200


async def test_temporal_away_is_503_in_bounded_time_and_the_server_lives(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as http:
        with caplog.at_level(logging.INFO, "tidegate.access"):
            answer = await http.get("/toy-temporal")
        (line,) = [record.__dict__["fields"] for record in caplog.records if record.name == "tidegate.access"]
        assert "refused" in line["cause"]
        assert "cause" not in answer.text
        assert (answer.status_code, answer.json()["toy"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.elapsed.total_seconds() < 5
        assert (
            'tidegate_temporal_failures_total{code="unavailable",part="temporal"} 1.0'
            in (await http.get("/metrics")).text
        )
