"""What foreign code may ask of the worker: HTTP through the guarded client, state, events, other runs.

Nothing that is asked is trusted. Every request gets a key of its own that is the same whenever the code runs again, so
that a repeated one acts once.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import quote

from definitions.contract import CallContext, PostEvent, PostOutcome, UseStore
from definitions.errors import Conflict, InputInvalid, Overloaded, TidegateError, Unavailable
from definitions.ids import content_hash, digest
from worker.http_client import Answer, Headers, HttpClient, Outgoing

T = TypeVar("T")

FETCH_SECONDS = 60.0
FETCH_BYTES = 4_000_000
HEADERS_LIMIT = 200
#: Seconds for which a repetition of an event is known that the code has given no key.
OWN_WINDOW = 3_600.0
#: Pauses, in seconds, before what was not to be reached is asked again.
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
#: Headers that are the client's to set.
_OURS = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "keep-alive"})


@dataclass(frozen=True)
class StartRun:
    """A run that code asks for, of the current version. `unique` is what its id follows from; `ttl` is in seconds."""

    name: str
    unique: str
    input: Any = None
    idempotency_key: str | None = None
    ttl: float = 86_400.0
    max_attempts: int | None = None
    start_at: datetime | None = None
    queue: str | None = None


class Services(Protocol):
    """What the host needs of Temporal: `worker.client.TidegateClient` and the starter of runs."""

    async def use_store(self, request: UseStore) -> Any: ...

    async def post_event(
        self, dialect: str, organisation: str, name: str, key: str | None, event: PostEvent
    ) -> PostOutcome: ...


Starter = Callable[[CallContext, StartRun], Awaitable[dict[str, Any]]]


class FetchHost:
    """Answers what the code of one call asks; all kinds of code may ask for HTTP."""

    #: What may be asked: each is answered by the method of its name.
    ANSWERS: ClassVar[frozenset[str]] = frozenset({"fetch"})

    def __init__(self, context: CallContext, http: HttpClient) -> None:
        self._context = context
        self._http = http
        self._counts: Counter[tuple[Any, ...]] = Counter()

    async def __call__(self, name: str, step: str | None, arguments: dict[str, Any]) -> Any:
        """Raises TidegateError, with what the code is told."""
        if name not in self.ANSWERS:
            raise TidegateError(f"there is no {name[:80]!r}")
        return await getattr(self, name)(step, arguments)

    def _key(self, step: str | None, *what: Any) -> str:
        """The key of a request: the run, the step, its visit, and the how-manieth of its kind in that step it is."""
        kind = (step, *what)
        self._counts[kind] += 1
        context, number = self._context, self._counts[kind]
        place = context.step if step is None else f"{context.step}/{step}"
        return "/".join(map(str, (context.run_id, place, context.visit, *what[:-1], number)))

    async def fetch(self, step: str | None, arguments: dict[str, Any]) -> dict[str, Any]:
        call = _outgoing(arguments, self._key(step, None))
        answer = await self._http.send(call)
        if arguments.get("redirect") == "error" and 300 <= answer.status < 400:
            raise InputInvalid("the answer is a redirect")
        return {
            "status": answer.status,
            "headers": _received(answer),
            "body": base64.b64encode(answer.body).decode("ascii"),
            "url": answer.url,
            "redirected": answer.url.partition("#")[0] != call.url.partition("#")[0],
        }


class CallHost(FetchHost):
    """What the code of a handler may ask."""

    ANSWERS = frozenset({"fetch", "store", "send", "start"})

    def __init__(self, context: CallContext, http: HttpClient, services: Services, start: Starter) -> None:
        super().__init__(context, http)
        self._services = services
        self._start_run = start

    async def store(self, step: str | None, arguments: dict[str, Any]) -> Any:
        operation, key = (
            one_of(arguments, "operation", ("get", "set", "delete", "increment")),
            text_of(arguments, "key"),
        )
        key, value, expires_at = text_of(arguments, "key"), arguments.get("value"), maybe_text(arguments, "expiresAt")
        # The same value set again changes nothing; another one is another change, wherever the code has it from.
        said = content_hash([value, expires_at])[:16] if operation == "set" else ""
        request = UseStore(
            organisation=self._context.organisation,
            dialect=self._context.dialect,
            operation=operation,  # type: ignore[arg-type]
            key=key,
            id=self._key(step, operation, said, key),
            value=value,
            expires_at=expires_at,
        )
        return await insist(lambda: self._services.use_store(request))

    async def send(self, step: str | None, arguments: dict[str, Any]) -> dict[str, Any]:
        name, key = text_of(arguments, "event"), maybe_text(arguments, "key")
        own, given = digest("sent", self._key(step, name, key)).hex()[:32], maybe_text(arguments, "idempotencyKey")
        event = PostEvent(
            id=own,
            payload=arguments.get("payload"),
            has_payload=arguments.get("hasPayload") is True,
            idempotency_key=own if given is None else given,
            window=OWN_WINDOW if given is None else PostEvent.window,
        )
        context = self._context
        try:
            outcome = await insist(
                lambda: self._services.post_event(context.dialect, context.organisation, name, key, event)
            )
        except Conflict:
            if given is not None:
                raise
            # An earlier attempt of the step has sent it, with another payload: what was sent counts.
            outcome = PostOutcome(own, "accepted", duplicate=True)
        return {"event_id": outcome.event_id, "duplicate": outcome.duplicate}

    async def start(self, step: str | None, arguments: dict[str, Any]) -> dict[str, Any]:
        name, attempts, ttl = text_of(arguments, "name"), arguments.get("maxAttempts"), arguments.get("ttl", 86_400)
        if not (attempts is None or (type(attempts) is int and 1 <= attempts <= 1_000)):
            raise InputInvalid("the number of attempts is a whole number from 1 to 1000")
        if type(ttl) not in (int, float) or not 0 < ttl < 10**10:
            raise InputInvalid("the time to live of a key must be more than nothing")
        request = StartRun(
            name=name,
            unique=self._key(step, "start", name),
            input=arguments.get("input"),
            idempotency_key=maybe_text(arguments, "idempotencyKey"),
            ttl=float(ttl),
            max_attempts=attempts,
            start_at=_moment(maybe_text(arguments, "startAt")),
            queue=maybe_text(arguments, "queue"),
        )
        return await insist(lambda: self._start_run(self._context, request))


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask, and ask again while Temporal or its workers are away or busy; at last raise what they say."""
    for pause in PAUSES:
        try:
            return await ask()
        except (Overloaded, Unavailable):
            await asyncio.sleep(pause)
    return await ask()


def _outgoing(arguments: dict[str, Any], key: str) -> Outgoing:
    return Outgoing(
        method=text_of(arguments, "method").upper(),
        url=text_of(arguments, "url"),
        headers=_headers(arguments.get("headers"), key),
        body=_body(arguments.get("body")),
        seconds=FETCH_SECONDS,
        max_bytes=FETCH_BYTES,
        follow_redirects=arguments.get("redirect") == "follow",
    )


def _headers(pairs: Any, key: str) -> Headers:
    if not isinstance(pairs, list) or len(pairs) > HEADERS_LIMIT:
        raise InputInvalid(f"a request has at most {HEADERS_LIMIT} headers")
    given = [(str(pair[0]), str(pair[1])) for pair in pairs if isinstance(pair, list) and len(pair) == 2]
    kept = [(name, value) for name, value in given if name.lower() not in _OURS]
    if not any(name.lower() == "idempotency-key" for name, _ in kept):
        kept.append(("Idempotency-Key", quote(key, safe="/:;,@!$&'()*+=?#[]|{} ")))
    return tuple(kept)


def _received(answer: Answer) -> list[list[str]]:
    # What described the body on its way does not describe the one that the code is given.
    gone = ("content-encoding", "content-length", "transfer-encoding", "connection")
    return [[name, value] for name, value in answer.headers if name not in gone]


def _body(value: Any) -> bytes | None:
    if value is None:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise InputInvalid("the body cannot be read") from None


def text_of(arguments: dict[str, Any], name: str, longest: int = 8_192) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise InputInvalid(f"`{name}` must be a text of 1 to {longest} characters")
    return value


def maybe_text(arguments: dict[str, Any], name: str, longest: int = 1_000) -> str | None:
    return None if arguments.get(name) is None else text_of(arguments, name, longest)


def one_of(arguments: dict[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = text_of(arguments, name)
    if value not in words:
        raise InputInvalid(f"`{name}` must be one of {', '.join(words)}")
    return value


def _moment(text: str | None) -> datetime | None:
    try:
        moment = None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InputInvalid("a moment must be an ISO 8601 date and time") from None
    if moment is not None and moment.tzinfo is None:
        raise InputInvalid("a moment needs a time zone")
    return moment
