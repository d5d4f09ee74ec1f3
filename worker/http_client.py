"""The one HTTP client for calls that workflows ask for: guarded, bounded, and without memory between calls.

No cookies, no proxies or credentials from the environment, no connection kept: every call, and every redirect of it,
is resolved, checked and dialled anew.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import anyio
import httpcore
import httpx

from definitions.errors import TidegateError
from worker.http_body import read_body
from worker.http_guard import GuardedBackend, HttpGuard, TargetNotAllowed

MAX_REDIRECTS = 5
MAX_CONNECTIONS = 200
CONNECT_SECONDS = 5.0

#: What is still sent after a redirect to another origin; all else may be a credential.
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "idempotency-key", "user-agent"})
_BODY_HEADERS = frozenset({"content-type"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Headers = tuple[tuple[str, str], ...]


class HttpUnreachable(TidegateError):
    """No complete answer came: no address, no connection, TLS that does not verify, or a broken response."""

    code: ClassVar[str] = "http-connection"


class HttpTimeout(TidegateError):
    code: ClassVar[str] = "http-timeout"


class RequestInvalid(TidegateError):
    """What cannot be sent: not an absolute http or https URL without credentials, or a malformed header."""

    code: ClassVar[str] = "config-invalid"


class TooManyRedirects(TidegateError):
    code: ClassVar[str] = "http-redirects"


@dataclass(frozen=True)
class Outgoing:
    """One call. `seconds` bounds all of it, redirects included; `max_bytes` the response's body after decompression."""

    method: str
    url: str
    headers: Headers = ()
    body: bytes | None = None
    seconds: float = 30.0
    max_bytes: int = 1_000_000
    follow_redirects: bool = True


@dataclass(frozen=True)
class Answer:
    """`headers` have lower-case names, in the order received; `url` is where the last redirect led."""

    status: int
    headers: Headers
    body: bytes
    url: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


def read_url(text: str) -> httpx.URL:
    """Parse an absolute http or https URL. Raises RequestInvalid, without the URL: it could carry a credential."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        raise RequestInvalid("the URL cannot be parsed") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise RequestInvalid("the URL must start with http:// or https:// and a host")
    if url.userinfo:
        raise RequestInvalid("a URL may carry no user name or password")
    if url.port is not None and not 0 < url.port < 65536:
        raise RequestInvalid("the URL's port is out of range")
    return url


class HttpClient:
    """Sends `Outgoing` calls under a guard. Safe to use from many tasks at once.

    `rewrite` maps an origin to where its calls go instead, whatever address that is: a wish of the operator's, not of
    a workflow's. The called system still finds the URL and the host that were asked for.
    """

    def __init__(
        self,
        guard: HttpGuard,
        *,
        ssl_context: ssl.SSLContext | None = None,
        rewrite: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._guard = guard
        self._backend = GuardedBackend(guard)
        self._open_backend = GuardedBackend(HttpGuard((), allow_private=True))
        self._rewrite = {_origin(httpx.URL(source)): httpx.URL(target) for source, target in rewrite}
        self._ssl_context = ssl_context or httpx.create_ssl_context()
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    async def send(self, call: Outgoing) -> Answer:
        """Make a call and follow its redirects.

        Raises RequestInvalid, TargetNotAllowed, HttpUnreachable, HttpTimeout, TooManyRedirects, BodyTooLarge.
        """
        try:
            with anyio.fail_after(call.seconds):
                return await self._follow(call, read_url(call.url))
        except httpcore.ConnectTimeout:
            raise HttpUnreachable(f"{_shown(call)} failed: no connection within {CONNECT_SECONDS:g} s") from None
        except TimeoutError:
            raise HttpTimeout(f"{_shown(call)} got no complete answer within {call.seconds:g} s") from None
        except (httpcore.LocalProtocolError, UnicodeError) as error:
            raise RequestInvalid(f"{_shown(call)} cannot be sent: {error}") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
            raise HttpUnreachable(f"{_shown(call)} failed: {error or type(error).__name__}") from None

    async def _follow(self, call: Outgoing, url: httpx.URL) -> Answer:
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._once(call, url)
            location = answer.header("location")
            if not (call.follow_redirects and answer.status in _REDIRECTS and location):
                return answer
            call, url = _redirected(call, url, answer.status, location)
        raise TooManyRedirects(f"{_shown(call)}: more than {MAX_REDIRECTS} redirects")

    async def _once(self, call: Outgoing, url: httpx.URL) -> Answer:
        self._guard.check_host(url.host)
        body = call.body
        headers = [(name.encode("ascii"), value.encode("utf-8")) for name, value in _complete(call.headers, url)]
        if body is not None or call.method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", str(len(body or b"")).encode("ascii")))
        elsewhere = self._rewrite.get(_origin(url))
        to = elsewhere or url
        request = httpcore.Request(
            method=call.method,
            url=httpcore.URL(scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=url.raw_path),
            headers=headers,
            content=body,
            extensions={"timeout": {"connect": CONNECT_SECONDS}},
        )
        backend = self._backend if elsewhere is None else self._open_backend
        async with self._places, self._connection(request.url.origin, backend) as connection:
            return await _received(await connection.handle_async_request(request), call.max_bytes, url)

    @asynccontextmanager
    async def _connection(
        self, origin: httpcore.Origin, backend: GuardedBackend
    ) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection of its own for one call: a server may close a kept one in the very moment of the next call,
        which would fail that for no reason."""
        connection = httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._ssl_context, network_backend=backend, keepalive_expiry=0.0
        )
        try:
            yield connection
        finally:
            with anyio.CancelScope(shield=True):
                await connection.aclose()


async def _received(response: httpcore.Response, max_bytes: int, url: httpx.URL) -> Answer:
    headers = tuple((name.decode("latin-1").lower(), _text(value)) for name, value in response.headers)
    encoding = ", ".join(value for name, value in headers if name == "content-encoding")
    try:
        body = await read_body(_chunks(response), encoding, max_bytes)
    finally:
        await response.aclose()
    return Answer(response.status, headers, body, str(url))


async def _chunks(response: httpcore.Response) -> AsyncIterator[bytes]:
    async for chunk in response.aiter_stream():
        yield chunk


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _complete(headers: Headers, url: httpx.URL) -> list[tuple[str, str]]:
    given = {name.lower() for name, _ in headers}
    ours = [("Accept", "*/*"), ("User-Agent", "tidegate")]
    fixed = [("Host", url.netloc.decode("ascii")), ("Accept-Encoding", "gzip, deflate"), ("Connection", "close")]
    return [*fixed, *((name, value) for name, value in ours if name.lower() not in given), *headers]


def _redirected(call: Outgoing, url: httpx.URL, status: int, location: str) -> tuple[Outgoing, httpx.URL]:
    """The call that a redirect asks for, as browsers make it. Raises TargetNotAllowed for a target that is no URL."""
    try:
        target = read_url(str(url.join(location)))
    except (RequestInvalid, httpx.InvalidURL, UnicodeError):
        raise TargetNotAllowed(f"{_shown(call)} was redirected to what is no http or https URL") from None
    if _origin(target) != _origin(url):
        call = replace(call, headers=_only(call.headers, _HARMLESS))
    if (status == 303 and call.method != "HEAD") or (status in (301, 302) and call.method == "POST"):
        kept = tuple((name, value) for name, value in call.headers if name.lower() not in _BODY_HEADERS)
        call = replace(call, method="GET", body=None, headers=kept)
    return replace(call, url=str(target)), target


def _only(headers: Sequence[tuple[str, str]], names: frozenset[str]) -> Headers:
    return tuple((name, value) for name, value in headers if name.lower() in names)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return (url.scheme, url.host, url.port or {"http": 80, "https": 443}[url.scheme])


def _shown(call: Outgoing) -> str:
    """The call as messages show it: without the query, which may carry a credential."""
    try:
        return f"{call.method} {httpx.URL(call.url).copy_with(query=None, fragment=None)}"
    except (httpx.InvalidURL, UnicodeError):
        return call.method
