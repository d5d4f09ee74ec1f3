"""JSON bodies: read whatever the Content-Type says, refused with a clear reason, bounded in size."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.body import MAX_DEPTH, parse_json
from adapter.failures import RequestInvalid
from adapter.settings import Settings

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(Json)
def test_every_json_value_comes_back(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_clear_refusal(raw: bytes) -> None:
    try:
        json.dumps(parse_json(raw), allow_nan=False).encode()
    except RequestInvalid as refused:
        assert refused.message.startswith("the body ")


REFUSED = {
    "empty": (b"", "is empty"),
    "spaces": (b" \r\n", "is empty"),
    "form": (b"a=1&b=2", "not JSON"),
    "cut": (b'{"a": ', "not JSON: Expecting value at line 1, column 7"),
    "two": (b"{} {}", "not JSON: Extra data"),
    "nan": (b'{"a": NaN}', "NaN is not a JSON number"),
    "infinity": (b"[-Infinity]", "-Infinity is not a JSON number"),
    "overflow": (b"[1e999]", "number that is too large"),
    "long number": (b"1" * 5000, "number that is too long"),
    "latin-1": (b'{"a": "\xe9"}', "not UTF-8 at byte 7"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "gzip": (b"\x1f\x8b\x08\x00", "not UTF-8"),
    "lone surrogate": (b'{"a": "\\ud800"}', "lone surrogate"),
    "lone surrogate in a key": (b'{"\\uDFFF": 1}', "lone surrogate"),
    "deep": (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "deeper than"),
    "very deep": (b"[" * 100_000 + b"]" * 100_000, "deeper than"),
    "deep and open": (b'{"a":' * 20_000, "the body is"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_json_is_refused_over_http(http: httpx.AsyncClient, name: str) -> None:
    raw, reason = REFUSED[name]
    answer = await http.post("/toy-echo", content=raw)
    assert (answer.status_code, answer.json()["toy"]) == (400, "request-invalid")
    assert reason in answer.json()["why"]
    assert answer.headers["x-toy"] == "yes"


@pytest.mark.parametrize(
    "raw, value",
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, None),
        (b"[" + b"{}," * 5000 + b"{}]", [{}] * 5001),
    ],
    ids=["byte order mark", "the last of a repeated key", "surrogate pair", "deepest", "wide"],
)
async def test_unusual_json_is_taken(http: httpx.AsyncClient, raw: bytes, value: Any) -> None:
    answer = await http.post("/toy-echo", content=raw)
    assert answer.status_code == 200
    if value is not None:
        assert answer.json()["value"] == value


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "", "///"])
async def test_the_content_type_does_not_matter(http: httpx.AsyncClient, kind: str) -> None:
    answer = await http.post("/toy-echo", content=b'{"a": 1}', headers={"content-type": kind})
    assert answer.json() == {"value": {"a": 1}}


async def test_no_content_type_at_all(http: httpx.AsyncClient) -> None:
    request = http.build_request("POST", "/toy-echo", content=b"[1]")
    assert "content-type" not in request.headers
    assert (await http.send(request)).json() == {"value": [1]}


async def test_a_wire_model_says_what_is_wrong_and_where_but_no_value(http: httpx.AsyncClient) -> None:
    answer = await http.post("/toy/acme/things", json={"size": "s3cret", "colour": "red"})
    assert answer.status_code == 400
    fields = answer.json()["fields"]
    assert sorted(fields) == ["$.colour", "$.name", "$.size"]
    assert "s3cret" not in answer.text


async def test_a_wire_model_needs_an_object(http: httpx.AsyncClient) -> None:
    answer = await http.post("/toy/acme/things", json=[1])
    assert (answer.status_code, answer.json()["fields"]) == (400, {"$": "must be an object"})


async def test_a_parameter_that_does_not_fit_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/toy-page", params={"size": "many"})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["$.size"])


def text_of(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


async def in_pieces(raw: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), 10_000):
        yield raw[start : start + 10_000]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("over", [0, 1, 200_000, 3_000_000])
async def test_the_size_limit(http: httpx.AsyncClient, chunked: bool, over: int) -> None:
    raw = text_of(Settings().max_body + over)
    answer = await http.post("/toy-echo", content=in_pieces(raw) if chunked else raw)
    if over == 0:
        assert len(answer.json()["value"]) == len(raw) - 2
        return
    assert (answer.status_code, answer.json()["toy"]) == (413, "too-large")
    assert answer.headers["connection"] == "close"
    assert (await http.post("/toy-echo", content=b"1")).json() == {"value": 1}


async def test_the_limit_holds_where_nobody_reads_the_body(http: httpx.AsyncClient) -> None:
    answer = await http.post("/nowhere", content=text_of(Settings().max_body + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
