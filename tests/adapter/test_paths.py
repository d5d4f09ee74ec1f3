"""Paths: encoded segments reach the route they are for, and no other."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    "segment, name",
    [
        ("$LIVE", "$LIVE"),
        ("%24LIVE", "$LIVE"),
        ("caf%C3%A9", "café"),
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2Fb", "a%2Fb"),
        ("a%2fb", "a%2Fb"),
        ("..%2F..%2Fadmin", "..%2F..%2Fadmin"),
        ("a%3Fb", "a?b"),
        ("100%25", "100%"),
    ],
)
async def test_a_segment_arrives_decoded_and_whole(http: httpx.AsyncClient, segment: str, name: str) -> None:
    answer = await http.get(httpx.URL(str(http.base_url), raw_path=f"/toy/acme/things/{segment}".encode()))
    assert (answer.status_code, answer.json()) == (200, {"name": name, "organisation": "acme", "caller": "anonymous"})


async def test_an_encoded_slash_opens_no_other_route(http: httpx.AsyncClient) -> None:
    for raw in (b"/toy/acme%2Fthings%2F1", b"/toy%2Facme/things/1", b"/toy-raise%2Fdefect", b"/healthz%2F"):
        answer = await http.get(httpx.URL(str(http.base_url), raw_path=raw))
        assert answer.status_code == 404, raw


@pytest.mark.parametrize("segment", ["%FF", "%C3%28", "%00", "a%0Ab", "%7F"])
async def test_what_no_name_can_hold_is_refused(http: httpx.AsyncClient, segment: str) -> None:
    answer = await http.get(httpx.URL(str(http.base_url), raw_path=f"/toy/acme/things/{segment}".encode()))
    assert (answer.status_code, answer.json()["toy"]) == (400, "request-invalid")
