"""Identity tokens of service accounts, through the worker's own Google credentials."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass
from typing import Any

import google.auth
import google.auth.exceptions
import google.auth.external_account
import google.auth.transport.requests

from worker.activities.failures import call_failed
from worker.activities.threads import DaemonThreads

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
REQUEST_SECONDS = 10
#: A token with less than this left is fetched anew.
MARGIN_SECONDS = 300
MAX_TOKENS = 1000
THREADS = 8

_GENERATE = "https://iamcredentials.{universe}/v1/projects/-/serviceAccounts/{email}:generateIdToken"


@dataclass(frozen=True)
class _Token:
    text: str
    expires: float


class IdentityTokens:
    """Fetches and keeps identity tokens: one per service account and audience, until shortly before it expires."""

    def __init__(self) -> None:
        self._threads = DaemonThreads(THREADS)
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._fetching: dict[tuple[str, str], asyncio.Task[_Token]] = {}

    async def token(self, email: str, audience: str) -> str:
        """A token for `audience`, of the service account `email`. Raises `gcp-credentials`."""
        key = (email, audience)
        known = self._tokens.get(key)
        if known is not None and known.expires - time.time() > MARGIN_SECONDS:
            return known.text
        if key not in self._fetching:
            # One for all who ask meanwhile; it goes on if the first of them is cancelled.
            task = asyncio.create_task(self._threads.run(lambda: _fetch(email, audience)))
            self._fetching[key] = task
            task.add_done_callback(lambda done: self._fetched(key, done))
        return (await asyncio.shield(self._fetching[key])).text

    def _fetched(self, key: tuple[str, str], task: asyncio.Task[_Token]) -> None:
        del self._fetching[key]
        if task.cancelled() or task.exception() is not None:
            return
        if len(self._tokens) >= MAX_TOKENS:
            self._tokens.clear()
        self._tokens[key] = task.result()


def _fetch(email: str, audience: str) -> _Token:
    try:
        request = google.auth.transport.requests.Request()
        credentials, url = _source(email)
        headers = {"Content-Type": "application/json"}
        credentials.before_request(request, "POST", url, headers)
        body = json.dumps({"audience": audience, "includeEmail": True}).encode("ascii")
        response = request(url, method="POST", body=body, headers=headers, timeout=REQUEST_SECONDS)
    except google.auth.exceptions.DefaultCredentialsError:
        raise call_failed("gcp-credentials", "the worker has no Google credentials", retryable=False) from None
    except google.auth.exceptions.GoogleAuthError as error:
        raise call_failed("gcp-credentials", f"no identity token for {email}: {_reason(error)}") from None
    if response.status != 200:
        raise call_failed(
            "gcp-credentials",
            f"no identity token for {email}: Google answered {response.status}",
            retryable=response.status == 429 or response.status >= 500,
        )
    return _read(response.data, email)


def _source(email: str) -> tuple[Any, str]:
    """The worker's credentials, and where they can ask for a token.

    If they are set to impersonate `email` already, those from before that step, as a service account may usually not
    impersonate itself; and the endpoint that was named for it.
    """
    credentials, _ = google.auth.default(scopes=SCOPES)
    if not isinstance(credentials, google.auth.external_account.Credentials) or (
        credentials.service_account_email != email
    ):
        return credentials, _GENERATE.format(universe=credentials.universe_domain, email=email)
    info = dict(credentials.info)
    url = info.pop("service_account_impersonation_url").replace(":generateAccessToken", ":generateIdToken")
    info.pop("service_account_impersonation", None)
    kind: Any = type(credentials)
    return kind.from_info(info, scopes=SCOPES), url


def _reason(error: Exception) -> str:
    """The first line of what google-auth says: the rest are whole responses."""
    return str(error.args[0] if error.args else error).splitlines()[0][:300] if str(error) else type(error).__name__


def _read(data: bytes, email: str) -> _Token:
    try:
        text = str(json.loads(data)["token"])
        claims = text.split(".")[1]
        expires = float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise call_failed("gcp-credentials", f"no identity token for {email}: Google's answer is unreadable") from None
    return _Token(text, expires)
