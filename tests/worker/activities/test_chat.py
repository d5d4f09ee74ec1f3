"""`chat`: what a model is asked, and what is made of its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.worker.activities.local_server import LocalServer, Page, page
from tests.worker.activities.workbench import Bench, call

PATH = "/v1/chat/completions"


def answer(content: Any, **message: Any) -> Page:
    return page(
        {"id": "c-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": content, **message}}]}
    )


def config(web: LocalServer, **more: Any) -> dict[str, Any]:
    return {"base_url": web.url("/v1"), "model": "small", **more}


async def test_a_model_is_asked_as_the_protocol_has_it(bench: Bench, web: LocalServer) -> None:
    bench.seal("openai", "sk-123456")
    web.on(PATH, answer("Good morning"))
    given = {"prompts": ["Greet.", "Be brief."], "input": {"name": "Ada"}}
    asked = config(web, instructions="You greet.", temperature=0.2, max_tokens=50, headers={"X-Team": "a"})

    assert await bench.run("chat", call(asked, given, secrets={"key": "openai"})) == {"text": "Good morning"}

    (request,) = web.received
    assert request.method == "POST"
    assert request.json() == {
        "model": "small",
        "temperature": 0.2,
        "max_tokens": 50,
        "messages": [
            {"role": "system", "content": "You greet."},
            {"role": "user", "content": 'Greet.\n\nBe brief.\n\nInput:\n{"name": "Ada"}'},
        ],
    }
    assert request.headers["authorization"] == "Bearer sk-123456"
    assert request.headers["x-team"] == "a"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "run-1/pay/2"


async def test_a_prompt_may_stand_in_the_config(bench: Bench, web: LocalServer) -> None:
    web.on(PATH, answer("x"), answer("x"))
    await bench.run("chat", call(config(web, prompt="First.")))
    await bench.run("chat", call(config(web, prompt="First."), {"prompts": ["Then."]}))
    asked = [request.json()["messages"][-1]["content"] for request in web.received]
    assert asked == ["First.", "First.\n\nThen."]


async def test_without_a_key_no_credential_is_sent(bench: Bench, web: LocalServer) -> None:
    web.on(PATH, answer("x"))
    await bench.run("chat", call(config(web, base_url=web.url("/v1/")), {"prompts": ["x"]}))
    assert "authorization" not in web.received[0].headers
    assert web.received[0].json()["messages"] == [{"role": "user", "content": "x"}]


@pytest.mark.parametrize(
    ("content", "more", "output"),
    [
        ('{"mood": "good"}', {}, {"mood": "good"}),
        ("[1]", {}, [1]),
        ('Sure:\n{"mood": "good"}', {}, {"text": 'Sure:\n{"mood": "good"}'}),
        ('```json\n{"mood": "good"}\n```', {}, {"mood": "good"}),
        ("```\n[1]\n```\n", {}, [1]),
        ("42", {}, {"text": "42"}),
        ("42", {"json": True}, 42),
        ("NaN", {"json": True}, {"text": "NaN"}),
        ("", {}, {"text": ""}),
        ("[" * 5_000, {}, {"text": "[" * 5_000}),
    ],
)
async def test_answers(bench: Bench, web: LocalServer, content: str, more: dict[str, Any], output: Any) -> None:
    web.on(PATH, answer(content))
    assert await bench.run("chat", call(config(web, **more), {"prompts": ["x"]})) == output
    asked = web.received[0].json()
    assert ("response_format" in asked) == bool(more.get("json"))


@pytest.mark.parametrize(
    ("page_", "code", "retryable"),
    [
        (page({"error": {"message": "slow down"}}, 429), "http-status", True),
        (page({"error": {"message": "no such model"}}, 404), "http-status", False),
        (page({"error": "down"}, 503), "http-status", True),
        (page({"choices": []}), "chat-answer-invalid", True),
        (page([]), "chat-answer-invalid", True),
        (page({"choices": [{"message": "x"}]}), "chat-answer-invalid", True),
        (Page(body=b"<html>"), "chat-answer-invalid", True),
        (answer(None, tool_calls=[]), "chat-answer-invalid", False),
        (answer(None, refusal="I will not"), "chat-refused", False),
    ],
)
async def test_failures(bench: Bench, web: LocalServer, page_: Page, code: str, retryable: bool) -> None:
    web.on(PATH, page_)
    error = await bench.failure("chat", call(config(web), {"prompts": ["x"]}))
    assert (error.type, error.non_retryable) == (code, not retryable)


@pytest.mark.parametrize(
    ("given", "more", "code"),
    [
        ([], {}, "input-invalid"),
        (["text"], {}, "input-invalid"),
        ([{"prompts": "text"}], {}, "input-invalid"),
        ([{"prompts": [], "input": {}}], {}, "input-invalid"),
        ([{"prompts": ["x"]}], {"model": 5}, "config-invalid"),
        ([{"prompts": ["x"]}], {"temperature": 9}, "config-invalid"),
        ([{"prompts": ["x"]}], {"unknown": 1}, "config-invalid"),
        ([{"prompts": ["x"]}], {"base_url": "ftp://models.example"}, "config-invalid"),
        ([{"prompts": ["x"]}], {"headers": {"Host": "elsewhere"}}, "config-invalid"),
    ],
)
async def test_nothing_is_sent_of_what_is_wrong(
    bench: Bench, web: LocalServer, given: list[Any], more: dict[str, Any], code: str
) -> None:
    error = await bench.failure("chat", call(config(web, **more), *given))
    assert (error.type, error.non_retryable) == (code, True)
    assert web.received == []


async def test_the_key_is_told_to_nobody(bench: Bench, web: LocalServer) -> None:
    bench.seal("openai", "sk-123456")
    web.on(PATH, page({"error": "the key sk-123456 is wrong"}, 401))
    error = await bench.failure("chat", call(config(web), {"prompts": ["x"]}, secrets={"key": "openai"}))
    assert "sk-123456" not in json.dumps([error.message, *error.details])
    web.on(PATH, answer('{"your key": "sk-123456"}'))
    seen = await bench.run("chat", call(config(web), {"prompts": ["x"]}, secrets={"key": "openai"}))
    assert seen == {"your key": "[secret]"}


async def test_an_address_of_this_machine_has_to_be_allowed(bench: Bench, web: LocalServer) -> None:
    bench.configure(http_allow_private=False)
    error = await bench.failure("chat", call(config(web), {"prompts": ["x"]}))
    assert error.type == "target-not-allowed"
