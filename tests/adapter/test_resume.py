"""Resume links over HTTP: who is answered how, what counts as data, what is refused, and what never resumes."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import string
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapter import pages
from adapter.logs import JsonLines
from adapter.resume import DELIVERY, GONE, MAX_QUERY
from definitions.contract import BranchOutcome, Event
from definitions.errors import NotFound, Overloaded, RunClosed, Unavailable
from definitions.tokens import TokenKeys
from tests.adapter.conftest import served
from tests.adapter.links import BROWSER, KEY, LINK, SETTINGS, Asked, counted, path, remembering, token

FORM = {**BROWSER, "content-type": "application/x-www-form-urlencoded"}
NOBODY = {"ok": False, "error": GONE}


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest_asyncio.fixture(loop_scope="session")
async def http(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with served(SETTINGS, await remembering(asked)) as client:
        yield client


def comparable(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """An answer but for what every answer has of its own."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, headers, answer.content


# --- data ---


@pytest.mark.parametrize(
    "query, data",
    [
        ("", None),
        ("?", None),
        ("?&", None),
        ("?approved=true&reviewer=alice", {"approved": "true", "reviewer": "alice"}),
        ("?n=1&n=2", {"n": "2"}),
        ("?flag", {"flag": ""}),
        ("?a=1+2%203&%C3%BC=%E2%9C%93", {"a": "1 2 3", "ü": "✓"}),
        ("?a=%FF", {"a": "\ufffd"}),
        ("?a=1;b=2", {"a": "1;b=2"}),
    ],
)
async def test_get_brings_the_query_as_texts(http: httpx.AsyncClient, asked: Asked, query: str, data: Any) -> None:
    answer = await http.get(path() + query)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    [(workflow_id, event)] = asked.delivered
    assert (workflow_id, event.wait, event.name, event.has_payload) == (
        LINK.workflow_id,
        LINK.wait,
        "tidegate:link",
        True,
    )
    assert event.payload == data and event.received_at
    assert asked.waited == [(LINK.workflow_id, LINK.wait, 30.0)]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", None])
@pytest.mark.parametrize("value", [{"by": "jane", "n": 1.5}, {}, [1], "text", 0, True, None])
async def test_post_brings_the_json_value_whatever_its_type(
    http: httpx.AsyncClient, asked: Asked, kind: str | None, value: Any
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    answer = await http.post(path() + "?by=query", content=json.dumps(value), headers=headers)
    assert answer.json() == {"ok": True}
    assert asked.data == value


@pytest.mark.parametrize("body", [b"", b"  ", b"not json", b"a=1&b=2", b'{"a": NaN}', b"\xff\xfe", b'{"a": "\\ud800"}'])
async def test_a_body_that_is_no_json_is_none(http: httpx.AsyncClient, asked: Asked, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await http.post(path(), content=body, headers=headers)).json() == {"ok": True}
    assert asked.data is None
    assert (await http.post(path() + "?a=q", content=body, headers=headers)).json() == {"ok": True}
    assert asked.delivered[1][1].payload == {"a": "q"}


async def test_a_persons_form_is_data(http: httpx.AsyncClient, asked: Asked) -> None:
    answer = await http.post(path() + "?a=query", content="a=1&a=2&note=two+words&empty=", headers=FORM)
    assert "Thank you" in answer.text
    assert asked.data == {"a": "2", "note": "two words", "empty": ""}


# --- answers to programs ---


async def test_a_failed_action_is_500_with_its_error(http: httpx.AsyncClient, asked: Asked) -> None:
    async def throws(event: Event) -> BranchOutcome:
        return BranchOutcome("failure", error="no such order")

    asked.end = throws
    answer = await http.post(path())
    assert (answer.status_code, answer.json()) == (500, {"ok": False, "error": "no such order"})


@pytest.mark.parametrize("hidden", [Unavailable("away", part="worker"), NotFound("gone")])
async def test_what_was_resumed_stays_so_whatever_hides_the_outcome(
    http: httpx.AsyncClient, asked: Asked, hidden: Exception
) -> None:
    async def unknown(event: Event) -> BranchOutcome:
        raise hidden

    asked.end = unknown
    answer = await http.get(path())
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


async def test_an_action_that_takes_longer_than_the_wait_is_no_failure(asked: Asked) -> None:
    async def pending(event: Event) -> BranchOutcome:
        return BranchOutcome("pending")

    asked.end = pending
    async with served(replace(SETTINGS, resume_wait=1.5), await remembering(asked)) as http:
        assert (await http.get(path())).json() == {"ok": True}
    assert asked.waited == [(LINK.workflow_id, LINK.wait, 1.5)]


async def test_a_server_that_stops_tells_what_it_has_resumed(asked: Asked) -> None:
    waiting = asyncio.Event()

    async def for_long(event: Event) -> BranchOutcome:
        waiting.set()
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")

    asked.end = for_long
    settings = replace(SETTINGS, shutdown_grace=1)
    async with httpx.AsyncClient(timeout=20) as caller:
        async with served(settings, await remembering(asked)) as http:
            calling = asyncio.ensure_future(caller.get(http.base_url.join(path())))
            await asyncio.wait_for(waiting.wait(), 10)
        answer = await calling
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


# --- answers to people ---


@pytest.mark.parametrize(
    "accept, page",
    [
        (BROWSER["accept"], True),
        ("TEXT/HTML", True),
        ("application/json, text/html;level=1", True),
        ("text/html;q=0.1, application/json", True),
        ("*/*", False),
        ("text/*", False),
        ("application/json, text/plain, */*", False),
        ("text/html;q=0", False),
        ("text/html; q=0.000, */*", False),
        ("text/html;q=much", False),
        ("application/xhtml+xml", False),
        ("text/html-like", False),
        ("", False),
        (None, False),
    ],
)
async def test_only_who_names_html_is_a_person(
    http: httpx.AsyncClient, asked: Asked, accept: str | None, page: bool
) -> None:
    del http.headers["accept"]
    answer = await http.get(path(), headers={} if accept is None else {"accept": accept})
    assert answer.headers["content-type"].startswith("text/html" if page else "application/json")
    assert len(asked.delivered) == 1
    assert len(asked.waited) == (0 if page else 1)
    refused = await http.get(path(seconds=-1), headers={} if accept is None else {"accept": accept})
    assert refused.headers["content-type"].startswith("text/html" if page else "application/json")


async def test_a_page_keeps_to_itself(http: httpx.AsyncClient) -> None:
    for answer in (
        await http.get(path(), headers=BROWSER),
        await http.get(path(confirm=True), headers=BROWSER),
        await http.get(path(seconds=-1), headers=BROWSER),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy.pop("style-src").startswith("'sha256-")
        assert policy == {
            "default-src": "'none'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
        }
        assert '<html lang="en">' in answer.text and "<title>" in answer.text and "<h1>" in answer.text
        assert not re.search(r"<script|\son\w+=|https?:|//|tg1\.|src=|href=|url\(|@import", answer.text)


async def test_json_answers_are_kept_by_nobody_either(http: httpx.AsyncClient) -> None:
    for answer in (await http.get(path()), await http.get(path(seconds=-1)), await http.put(path())):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    "hosts, redirect, place",
    [
        ((), "https://shop.example.com/approved?x=1#y", "https://shop.example.com/approved?x=1#y"),
        ((), "https://müller.example/ü", "https://xn--mller-kva.example/%C3%BC"),
        ((), "http://shop.example.com/", None),
        ((), "javascript:alert(1)", None),
        ((), "data:text/html,hi", None),
        ((), "//shop.example.com/", None),
        ((), "/approved", None),
        ((), "https:///approved", None),
        ((), "https://shop.example.com\\@evil.example/", None),
        ((), "https://shop.example.com@evil.example/", None),
        ((), "https://shop.example.com/\r\nset-cookie: a=b", None),
        ((), " https://shop.example.com/", None),
        ((), "https://[::1", None),
        ((), "", None),
        (("shop.example.com",), "http://SHOP.example.com:8443/", "http://shop.example.com:8443/"),
        (("shop.example.com",), "https://shop.example.com./", "https://shop.example.com./"),
        (("shop.example.com",), "https://example.com/", None),
        (("shop.example.com",), "https://shop.example.com.evil.example/", None),
        (("*.example.com",), "https://a.b.example.com/", "https://a.b.example.com/"),
        (("*.example.com",), "https://example.com/", None),
        (("*.example.com",), "https://evilexample.com/", None),
    ],
)
async def test_people_are_sent_on_only_where_they_may_be(
    asked: Asked, hosts: tuple[str, ...], redirect: str, place: str | None
) -> None:
    async with served(replace(SETTINGS, redirect_hosts=hosts), await remembering(asked)) as http:
        got = await http.get(path(redirect=redirect), headers=BROWSER)
        posted = await http.post(path(redirect=redirect), headers=FORM)
        program = await http.get(path(redirect=redirect))
    assert (got.headers.get("location"), posted.headers.get("location")) == (place, place)
    assert (got.status_code, posted.status_code) == ((200, 200) if place is None else (302, 303))
    assert got.headers["referrer-policy"] == "no-referrer" and got.headers["cache-control"] == "no-store"
    assert place is not None or "Thank you" in got.text
    assert program.json() == {"ok": True}
    assert len(asked.delivered) == 3


async def test_a_confirm_link_asks_and_only_the_button_resumes(http: httpx.AsyncClient, asked: Asked) -> None:
    link = path(confirm=True)
    query = "?approve=true&who=%3Cscript%3Ealert(1)%3C/script%3E%22%27"
    for _ in range(3):
        answer = await http.get(link + query, headers=BROWSER)
        assert answer.status_code == 200 and '<form method="post">' in answer.text
        assert "<script" not in answer.text and "&lt;script&gt;alert(1)" in answer.text
        assert link.rpartition("/")[2] not in answer.text
    assert asked.delivered == []
    answer = await http.post(link + query, headers=FORM, content="")
    assert "Thank you" in answer.text
    assert asked.data == {"approve": "true", "who": "<script>alert(1)</script>\"'"}


async def test_a_confirm_link_takes_no_get_of_a_program(http: httpx.AsyncClient, asked: Asked) -> None:
    for method in ("GET", "HEAD"):
        answer = await http.request(method, path(confirm=True) + "?approve=true")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert asked.delivered == []
    assert (await http.post(path(confirm=True), content='{"approve": true}')).json() == {"ok": True}
    assert asked.data == {"approve": True}


async def test_a_confirm_page_may_lead_away_after_its_form(http: httpx.AsyncClient) -> None:
    """A browser holds a redirect after a form against the form's own rule."""
    answer = await http.get(path(confirm=True, redirect="https://shop.example.com/"), headers=BROWSER)
    assert "form-action 'self' https:;" in answer.headers["content-security-policy"]
    assert "shop.example.com" not in answer.text
    answer = await http.get(path(confirm=True, redirect="http://shop.example.com/"), headers=BROWSER)
    assert "form-action 'self';" in answer.headers["content-security-policy"]


def test_everything_on_a_page_is_escaped() -> None:
    nasty = '<b onload="x">&\'$heading</b>'
    html = bytes(pages.page(pages.ASK, shown={nasty: nasty}, form={nasty: nasty}).body).decode()
    assert "<b " not in html and html.count("&lt;b onload=&quot;x&quot;&gt;&amp;&#x27;$heading&lt;/b&gt;") == 4


def test_a_long_list_is_cut() -> None:
    html = bytes(
        pages.page(pages.ASK, shown={str(n): "v" for n in range(pages.SHOWN_FIELDS + 3)}, form={}).body
    ).decode()
    assert html.count("<dt>") == pages.SHOWN_FIELDS + 1 and "and 3 more" in html


# --- what never resumes ---


async def test_looking_resumes_nothing(http: httpx.AsyncClient, asked: Asked) -> None:
    link = path(redirect="https://shop.example.com/")
    head = await http.head(link)
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "application/json")
    person = await http.head(link, headers=BROWSER)
    assert (person.status_code, person.headers["location"]) == (302, "https://shop.example.com/")
    page = await http.head(path(confirm=True), headers=BROWSER)
    assert (page.status_code, page.content, page.headers["content-type"]) == (200, b"", "text/html; charset=utf-8")
    assert (await http.head(path(seconds=-1))).status_code == 404
    options = await http.options(link)
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    assert asked.delivered == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
async def test_other_methods(http: httpx.AsyncClient, asked: Asked, method: str) -> None:
    answer = await http.request(method, path(), content=b"{}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["ok"] is False
    page = await http.request(method, path(), headers=BROWSER)
    assert page.status_code == 405 and "This does not work" in page.text
    assert asked.delivered == []


@pytest.mark.parametrize(
    "name, value", [("sec-purpose", "prefetch;prerender"), ("purpose", "prefetch"), ("x-moz", "prefetch")]
)
async def test_a_browser_that_loads_ahead_resumes_nothing(
    http: httpx.AsyncClient, asked: Asked, name: str, value: str
) -> None:
    answer = await http.get(path(), headers={**BROWSER, name: value})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert asked.delivered == []


@pytest.mark.parametrize(
    "refusal", [NotFound("no such wait"), RunClosed("ended", "succeeded"), RunClosed("x", "failed")]
)
async def test_used_and_unknown_links_are_answered_as_forged_ones(
    http: httpx.AsyncClient, asked: Asked, refusal: Exception
) -> None:
    asked.refusal = refusal
    for method in ("GET", "POST"):
        for headers in ({}, BROWSER):
            used = await http.request(method, path(), headers=headers)
            forged = await http.request(method, path(key="f" * 40), headers=headers)
            expired = await http.request(method, path(seconds=-1), headers=headers)
            assert used.status_code == 404
            assert comparable(used) == comparable(forged) == comparable(expired)
    assert (await http.get(path())).json() == NOBODY


async def test_without_keys_no_token_is_known(asked: Asked) -> None:
    async with served(replace(SETTINGS, token_keys=()), await remembering(asked)) as http:
        assert (await http.get(path())).json() == NOBODY


async def test_an_older_key_still_verifies(asked: Asked) -> None:
    async with served(replace(SETTINGS, token_keys=("n" * 40, KEY)), await remembering(asked)) as http:
        assert (await http.get(path())).json() == {"ok": True}


def _changed(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text))
    other = chance.choice(
        [one for one in string.ascii_letters + string.digits + "-_.~!$&'()*+,;=:@" if one != text[at]]
    )
    return text[:at] + other + text[at + 1 :]


MUTATIONS: tuple[Callable[[random.Random, str], str], ...] = (
    _changed,
    lambda chance, text: text[: chance.randrange(len(text))],
    lambda chance, text: text[chance.randrange(1, len(text)) :],
    lambda chance, text: text + chance.choice("Aa0-_.!=~"),
    lambda chance, text: text.swapcase(),
    lambda chance, text: text[:-1] + chance.choice([one for one in string.ascii_letters if one != text[-1]]),
    lambda chance, text: "".join(chance.choice(string.printable) for _ in range(chance.randrange(1, 300))),
    lambda chance, text: text.replace(".", "..", 1) + "%00",
    lambda chance, text: text[:9] + chance.choice(["%FF", "%2F", "%2e%2e", "%0d%0a", "%ED%A0%80", "é"]) + text[9:],
    lambda chance, text: token(key="f" * 40),
    lambda chance, text: token(seconds=-chance.random()),
    lambda chance, text: TokenKeys((KEY,)).sign("api-token", {"i": "a", "w": "b"}, expires_at=None),
    lambda chance, text: TokenKeys((KEY,)).sign("resume", {"i": "a"}, expires_at=None),
    lambda chance, text: text * 60,
    lambda chance, text: "",
)


@pytest.mark.timeout(120)
async def test_a_thousand_bad_tokens_are_one_404_and_no_call_to_temporal() -> None:
    chance = random.Random(20260301)
    async with counted() as (client, connections), served(SETTINGS, client) as http:
        answers: dict[str, set[Any]] = {"page": set(), "json": set()}
        for number in range(1000):
            bad = MUTATIONS[number % len(MUTATIONS)](chance, token())
            url = "/resume/" + re.sub(
                r"[^\w.~!$&'()*+,;=:@%-]", lambda found: f"%{ord(found[0]):02X}", bad, flags=re.ASCII
            )
            method, kind = chance.choice(["GET", "POST"]), chance.choice(["page", "json"])
            answer = await http.request(method, url, headers=BROWSER if kind == "page" else {})
            status, headers, body = comparable(answer)
            assert status == 404, bad
            answers[kind].add((status, tuple(sorted(headers.items())), body))
        assert {kind: len(different) for kind, different in answers.items()} == {"page": 1, "json": 1}
        assert connections == []
        assert (await http.get(path())).status_code == 503
        assert connections != []


@pytest.mark.parametrize("headers", [{}, BROWSER])
async def test_too_much_is_refused_before_the_token_is_looked_at(asked: Asked, headers: dict[str, str]) -> None:
    async with served(replace(SETTINGS, max_body=1000), await remembering(asked)) as http:
        for link in (path(), path(seconds=-1)):
            assert (await http.get(f"{link}?a={'x' * (MAX_QUERY - 2)}", headers=headers)).status_code != 414
            asked.delivered.clear()
            long = await http.get(f"{link}?a={'x' * (MAX_QUERY - 1)}", headers=headers)
            large = await http.post(link, content=b'"' + b"x" * 1000 + b'"', headers=headers)
            assert (long.status_code, large.status_code) == (414, 413)
            for answer in (long, large):
                assert "too much" in answer.text if headers else answer.json()["ok"] is False
            assert asked.delivered == []


# --- Temporal or a worker away, and repeating ---


@pytest.mark.parametrize(
    "refusal, status, seconds",
    [
        (Unavailable("Temporal cannot be reached"), 503, "2"),
        (Unavailable("no worker", part="worker", retry_after=5), 503, "5"),
        (Overloaded("less", retry_after=7), 429, "7"),
    ],
)
async def test_away_is_said_in_the_callers_form(
    http: httpx.AsyncClient, asked: Asked, refusal: Exception, status: int, seconds: str
) -> None:
    asked.refusal = refusal
    program = await http.post(path(), content='{"a": 1}')
    assert (program.status_code, program.headers["retry-after"]) == (status, seconds)
    assert program.json() == {"ok": False, "error": str(refusal)}
    person = await http.get(path() + "?approve=true", headers=BROWSER)
    assert (person.status_code, person.headers["retry-after"]) == (status, seconds)
    assert "Try again" in person.text


async def test_trying_again_is_the_same_call(http: httpx.AsyncClient, asked: Asked) -> None:
    """What has timed out may still arrive: the repetition must not lose against it."""
    link = path() + "?approve=true"
    asked.refusal = Unavailable("no worker", part="worker")
    page = (await http.get(link, headers=BROWSER)).text
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]+)"', page))
    assert set(fields) == {DELIVERY}
    assert (
        dict(re.findall(r'name="([^"]+)" value="([^"]+)"', (await http.post(link, data=fields, headers=FORM)).text))
        == fields
    )
    asked.refusal = None
    for _ in range(2):
        assert "Thank you" in (await http.post(link, data=fields, headers=FORM)).text
    assert [event.payload for _, event in asked.delivered] == [{"approve": "true"}] * 2
    assert len({event.id for _, event in asked.delivered}) == 1


async def test_a_persons_form_is_offered_again_whole(http: httpx.AsyncClient, asked: Asked) -> None:
    asked.refusal = Unavailable("away")
    page = (await http.post(path(), data={"note": 'a "b" <c>'}, headers=FORM)).text
    assert 'name="note" value="a &quot;b&quot; &lt;c&gt;"' in page
    assert "<button" not in (await http.post(path(), json={"a": 1}, headers=BROWSER)).text


async def test_a_program_names_its_call_to_repeat_it(http: httpx.AsyncClient, asked: Asked) -> None:
    first, other = path(), path(wait="w#1.0.2")
    for link, key in ((first, "k"), (first, "k"), (first, "l"), (other, "k"), (first, None), (first, None)):
        await http.post(link, headers={} if key is None else {"idempotency-key": key})
    ids = [event.id for _, event in asked.delivered]
    assert ids[0] == ids[1] and len(set(ids)) == 5


# --- keyless guard, logs ---


@pytest.mark.parametrize("origin", ["https://mail.example.com", "null", "http://127.0.0.1:1"])
async def test_a_click_from_anywhere_is_let_through(http: httpx.AsyncClient, asked: Asked, origin: str) -> None:
    assert (await http.get(path(), headers={**BROWSER, "origin": origin})).status_code == 200
    assert (await http.post(path(), headers={**FORM, "origin": origin})).status_code == 200
    assert (await http.get(path(), headers={"host": "evil.example"})).status_code == 403
    assert (
        await http.post("/toy-echo", content=b"1", headers={"origin": "https://mail.example.com"})
    ).status_code == 403


async def test_no_token_is_logged(http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture) -> None:
    secret = token()
    with caplog.at_level(logging.DEBUG):
        await http.get(f"/resume/{secret}?note=private")
        await http.get(f"/resume/{secret}x")
        logging.getLogger("library").info("GET http://x/resume/%s?a=1 and then", secret)
        logging.getLogger("library").info("%s", {"url": f"http://x/trigger/tt-{secret}", "token": secret})
        logging.getLogger("library").info("next=http%%3A%%2F%%2Fx%%2Fresume%%2F%s%%3Fa", secret)
        try:
            raise ValueError(f"cannot follow '/trigger/abc-{secret}' or /resume/opaque!")
        except ValueError:
            logging.getLogger("library").exception("failed")
    # The test's own HTTP client logs addresses; and the fixture listens to the server's own access log, which is off.
    others = ("httpx", "httpcore", "uvicorn.access")
    lines = [JsonLines().format(record) for record in caplog.records if not record.name.startswith(others)]
    text = "\n".join(lines)
    assert secret[5:] not in text and "opaque" not in text and "abc-" not in text and "private" not in text
    assert "/resume/[token] and then" in text
    assert [json.loads(line)["route"] for line in lines if "route" in line] == ["/resume/{token}"] * 2
    assert all(json.loads(line) for line in lines)
