"""Request ids, logs and metrics: enough to find a request again, and never a secret of it."""

from __future__ import annotations

import json
import logging
import sys

import httpx
import pytest

from adapter.logs import JsonLines
from tests.adapter.conftest import Serve
from tests.adapter.test_auth import KEYED


async def test_a_request_id_is_echoed_or_made(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz", headers={"x-request-id": "mine-1"})).headers["x-request-id"] == "mine-1"
    made = {(await http.get("/healthz")).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    for unsafe in ("", "two words", "x" * 129, 'quo"te'):
        echoed = (await http.get("/nowhere", headers={"x-request-id": unsafe})).headers["x-request-id"]
        assert echoed != unsafe
        assert echoed.isalnum()


async def test_one_line_per_request_without_any_of_its_values(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    token = "tok-3n-s3cret"
    with caplog.at_level(logging.DEBUG):
        async with serve(KEYED) as http:
            await http.get(f"/resume/{token}?q={token}", headers={"authorization": f"Bearer {token}"})
            await http.get("/toy/acme/things/1", headers={"authorization": "Bearer key-a", "x-request-id": "r1"})
            await http.get("/toy/acme/things/1", headers={"authorization": f"Bearer {token}"})
            await http.get(f"/nowhere/{token}")
    lines = [record.__dict__["fields"] for record in caplog.records if record.name == "tidegate.access"]
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/resume/{token}", 404),
        ("/toy/{organisation}/things/{name}", 200),
        ("/toy/{organisation}/things/{name}", 401),
        ("unmatched", 404),
    ]
    assert lines[1].pop("ms") < 1000
    assert lines[1] == {
        "request_id": "r1",
        "method": "GET",
        "route": "/toy/{organisation}/things/{name}",
        "status": 200,
        "organisation": "acme",
    }
    assert (lines[2]["code"], lines[2]["organisation"]) == ("unauthenticated", None)
    # The test's own HTTP client logs addresses; the server must not.
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert token not in "\n".join(JsonLines().format(record) for record in ours)


async def test_metrics_count_by_template_method_and_status(serve: Serve) -> None:
    async with serve() as http:
        for name in ("a", "b", "c"):
            await http.get(f"/toy/acme/things/{name}")
        await http.post("/toy/acme/things/a")
        await http.request("PROPFIND", "/toy/acme/things/a")
        await http.get("/somewhere")
        answer = await http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    template = 'route="/toy/{organisation}/things/{name}"'
    for line in (
        f'tidegate_http_requests_total{{method="GET",{template},status="200"}} 3.0',
        f'tidegate_http_requests_total{{method="POST",{template},status="405"}} 1.0',
        f'tidegate_http_requests_total{{method="other",{template},status="405"}} 1.0',
        'tidegate_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        f'tidegate_http_request_seconds_count{{method="GET",{template}}} 3.0',
        "tidegate_http_requests_in_flight 1.0",
    ):
        assert line in answer.text.splitlines()
    assert "process_resident_memory_bytes" in answer.text or sys.platform != "linux"


async def test_health_takes_get_and_head(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    head = await http.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


async def test_the_api_describes_itself(http: httpx.AsyncClient) -> None:
    description = (await http.get("/openapi.json")).json()
    assert {"/healthz", "/readyz", "/metrics", "/toy/{organisation}/things/{name}"} <= set(description["paths"])
    assert "/openapi.json" in (await http.get("/docs")).text


async def test_readiness_says_which_part_is_down(http: httpx.AsyncClient) -> None:
    answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unready", "parts": {"temporal": "down", "worker": "down"}}
    assert "retry-after" in answer.headers
    assert answer.elapsed.total_seconds() < 5


def test_a_log_record_is_one_line_of_json() -> None:
    logger = logging.getLogger("tidegate.test")
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        record = logger.makeRecord("n", logging.ERROR, "f", 1, "went\n%s", ("wrong",), sys.exc_info(), "fn")
    record.__dict__["fields"] = {"part": "temporal"}
    text = JsonLines().format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert (line["level"], line["message"], line["part"]) == ("error", "went\nwrong", "temporal")
    assert "line two" in line["exception"]
