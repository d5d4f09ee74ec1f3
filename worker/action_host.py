"""What an action may ask of the worker, whichever engine runs it: links, later actions, claims, the run's store, HTTP.

An action that is repeated, since its worker was lost, asks the same again: plans have the same numbers and tokens,
changes of the store the same ids, claims find themselves, calls carry the same keys.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

import httpx

from definitions.contract import ActionCall, Plan, StoreChange, timestamp
from definitions.errors import InputInvalid, NotFound, TidegateError, TooLarge
from definitions.ids import content_hash
from definitions.links import Link, sign, url
from definitions.tokens import TOKEN_LIMIT, TokenKeys
from worker.activities.redact import Redactor
from worker.claims import Claim
from worker.http_client import HttpClient
from worker.messages import check_json
from worker.sandbox.host import FetchHost, insist, maybe_text, one_of, text_of

DAY = 86_400.0
#: Seconds, least and most: how long a link holds, when a later action is due, for how long a key is claimed.
LINK_SECONDS = (1.0, 30 * DAY)
DELAY_SECONDS = (10.0, 400 * DAY)
CLAIM_SECONDS = (1.0, 400 * DAY)
#: The action that begins a run: it is never planned.
FIRST = "start"
#: What one action may do: plans, bytes of their payloads as JSON, uses of the run's store.
PLANS_LIMIT = 1_000
PAYLOAD_BYTES = 500_000
STORE_LIMIT = 100
NAME_LENGTH = 200
REDIRECT_LENGTH = 2_000
#: Seconds that an action may have waited for its turn, or for another worker: a token outlasts its link by so much.
SLACK = 300.0
#: What a link is in a test: nothing waits for it.
TEST_LINK = {"token": "test-mode", "resumeUrl": ""}


class ActionServices(Protocol):
    """What the host needs of Temporal: `worker.client.TidegateClient`."""

    async def use_run_store(self, workflow_id: str, change: StoreChange) -> Any: ...

    async def claim(
        self, dialect: str, organisation: str, scope: str, key: str, ttl: float, content_hash: str, run_id: str
    ) -> Claim: ...


@dataclass(frozen=True)
class Means:
    """What all actions of a worker share. Without `keys` or `public_url` there are no links."""

    http: HttpClient
    services: ActionServices
    keys: TokenKeys | None = field(default=None, repr=False)
    public_url: str = ""
    oauth: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Clock:
    """Time as Temporal's server has it. `asked_at` is the same for every repetition of an action."""

    asked_at: datetime
    now: Callable[[], datetime]


class ActionHost(FetchHost):
    """Answers what one action asks; `plans` are those that it has made until now."""

    ANSWERS = frozenset({"fetch", "link", "later", "claim", "store", "oauth"})

    def __init__(self, call: ActionCall, means: Means, clock: Clock, secrets: Mapping[str, str]) -> None:
        super().__init__(call.context, means.http)
        self._call = call
        self._means = means
        self._clock = clock
        self._hidden = list(secrets.values())
        self._linked = False
        self._payload_bytes = 0
        self._stored = 0
        # One at a time: in the order of the calls, and ten updates of a run at once are the most that Temporal takes.
        self._store_turn = asyncio.Lock()
        self.plans: list[Plan] = []

    @property
    def redactor(self) -> Redactor:
        """Masks the secrets that the action has been given, tokens of others included."""
        return Redactor(self._hidden)

    # Plans are made without waiting for anything, so their numbers are in the order in which they are asked for.

    async def link(self, step: str | None, arguments: dict[str, Any]) -> dict[str, str]:
        """{action, payload, seconds, redirect, confirm} -> {token, resumeUrl}. Raises InputInvalid, TooLarge."""
        plan = self._plan("link", arguments, LINK_SECONDS)
        if not isinstance(arguments.get("payload"), dict):
            raise InputInvalid("the payload must be an object")
        link = Link(
            self._context.workflow_id,
            f"{self._call.branch}.{plan.number}",
            confirm=arguments.get("confirm") is True,
            redirect=_redirect(arguments),
        )
        if self._call.test:
            self._linked = True
            return dict(TEST_LINK)
        means = self._means
        if means.keys is None or not means.public_url:
            raise TidegateError(
                "this worker cannot make links: TIDEGATE_TOKEN_KEYS and TIDEGATE_PUBLIC_URL must be set"
            )
        # Whether a call is in time is the run's to say; the token is to be the same whenever it is made.
        until = self._clock.asked_at + timedelta(seconds=plan.seconds + self._call.timeout + SLACK)
        token = sign(means.keys, link, expires_at=until)
        if len(token) > TOKEN_LIMIT:
            raise TooLarge("the link would be too long: too many actions have led to one another")
        plan.expires_at = timestamp(self._clock.now() + timedelta(seconds=plan.seconds))
        self._linked = True
        self._add(plan)
        return {"token": token, "resumeUrl": url(means.public_url, token)}

    async def later(self, step: str | None, arguments: dict[str, Any]) -> None:
        """{action, payload, seconds}. Raises InputInvalid, TooLarge."""
        if self._linked:
            raise InputInvalid("a later action cannot be planned any more: this branch already waits for a link")
        self._add(self._plan("later", arguments, DELAY_SECONDS))

    def _plan(self, kind: Literal["link", "later"], arguments: dict[str, Any], bounds: tuple[float, float]) -> Plan:
        if self._call.hook:
            raise InputInvalid("what runs at the end of a run cannot plan anything")
        action = text_of(arguments, "action", NAME_LENGTH)
        known = self._call.operations
        if action == FIRST:
            raise InputInvalid(f"the action may not be {FIRST!r}")
        if known is not None and action not in known:
            raise InputInvalid(f"there is no action {action!r}")
        return Plan(kind, len(self.plans) + 1, action, arguments.get("payload"), _seconds(arguments, bounds))

    def _add(self, plan: Plan) -> None:
        self._payload_bytes += _measured(plan.payload)
        if self._payload_bytes > PAYLOAD_BYTES:
            raise TooLarge(f"the payloads of one action have at most {PAYLOAD_BYTES} bytes together")
        if len(self.plans) >= PLANS_LIMIT:
            raise TooLarge(f"one action may plan at most {PLANS_LIMIT} others")
        self.plans.append(plan)

    async def claim(self, step: str | None, arguments: dict[str, Any]) -> dict[str, bool]:
        """{key, seconds} -> {locked}: whether another call has claimed the key within the time. Raises InputInvalid."""
        key, seconds = text_of(arguments, "key", 1_000), _seconds(arguments, CLAIM_SECONDS)
        context, mine = self._context, content_hash([self._context.workflow_id, self._made_by("claim", key)])
        # A test neither sees the claims of real runs nor takes any from them.
        scope = ["claim", context.definition_id, *([context.run_id] if self._call.test else [])]
        made = await insist(
            lambda: self._means.services.claim(
                context.dialect, context.organisation, json.dumps(scope), key, seconds, mine, context.run_id
            )
        )
        return {"locked": not (made.fresh or made.content_hash == mine)}

    async def store(self, step: str | None, arguments: dict[str, Any]) -> Any:
        """{operation, key, value} -> what the run's store answers. Raises InputInvalid, TooLarge, NotANumber, …"""
        operation = one_of(arguments, "operation", ("get", "set", "push", "increment", "delete"))
        key, value = text_of(arguments, "key", 256), self.redactor.value(arguments.get("value"))
        _measured(value)
        self._stored += 1
        if self._stored > STORE_LIMIT:
            raise TooLarge(f"one action may use the run's store at most {STORE_LIMIT} times")
        made_by = self._made_by(operation, content_hash([key, value])[:16])
        change = StoreChange(made_by, operation, key, value)  # type: ignore[arg-type]
        async with self._store_turn:
            return await insist(lambda: self._means.services.use_run_store(self._context.workflow_id, change))

    def _made_by(self, *what: str) -> str:
        """Which request this is: that of the branch, the how-manieth of its kind. No two branches share any."""
        self._counts[what] += 1
        return "/".join((self._call.branch, *what, str(self._counts[what])))

    async def oauth(self, step: str | None, arguments: dict[str, Any]) -> dict[str, str]:
        """{handle} -> {token}, as the worker's settings have it. Raises NotFound."""
        handle = text_of(arguments, "handle", NAME_LENGTH)
        token = self._means.oauth.get(re.sub(r"[^A-Z0-9]", "_", handle.upper()))
        if token is None:
            raise NotFound(f"the worker has no OAuth token for the handle {handle!r}")
        self._hidden.append(token)
        return {"token": token}


def _seconds(arguments: dict[str, Any], bounds: tuple[float, float]) -> float:
    value, (least, most) = arguments.get("seconds"), bounds
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
        raise InputInvalid(f"the time must be at least {_time(least)} and at most {_time(most)}")
    return float(value)


def _time(seconds: float) -> str:
    return f"{seconds:g} seconds" if seconds < DAY else f"{seconds / DAY:g} days"


def _measured(value: Any) -> int:
    """Bytes of a value as JSON. Raises InputInvalid for what is none, TooLarge."""
    try:
        check_json(value)
    except ValueError as error:
        raise InputInvalid(f"it is no JSON value that can be kept: {error}") from None
    taken = len(json.dumps(value))
    if taken > PAYLOAD_BYTES:
        raise TooLarge(f"a value has at most {PAYLOAD_BYTES} bytes")
    return taken


def _redirect(arguments: dict[str, Any]) -> str | None:
    text = maybe_text(arguments, "redirect", REDIRECT_LENGTH)
    if text is None:
        return None
    try:
        target = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError):
        raise InputInvalid("the redirect is no URL") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise InputInvalid("the redirect must be an absolute http or https URL")
    return text
