"""Links that resume a run: what a token says, and the URL that carries it. Pure: the time is given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from definitions.errors import Unauthenticated
from definitions.tokens import TokenKeys

PURPOSE = "resume"
PATH = "/resume/"
_UNFIT = re.compile(r"[^\x21-\x7e]|[\\\"<>]")


@dataclass(frozen=True)
class Link:
    """One wait of one run. `confirm`: a GET only asks whether to resume. `redirect`: where a browser is sent then."""

    workflow_id: str
    wait: str
    confirm: bool = False
    redirect: str | None = None


def sign(keys: TokenKeys, link: Link, *, expires_at: datetime) -> str:
    """The token of a link; the same link and expiry give the same token as long as the newest key is the same."""
    claims: dict[str, str | int] = {"i": link.workflow_id, "w": link.wait}
    if link.confirm:
        claims["c"] = 1
    if link.redirect is not None:
        claims["u"] = link.redirect
    return keys.sign(PURPOSE, claims, expires_at=expires_at)


def verify(keys: TokenKeys, token: str, *, now: datetime) -> Link:
    """The link that a token stands for. Raises Unauthenticated, TokenExpired."""
    claims = keys.verify(PURPOSE, token, now=now)
    try:
        return Link(claims["i"], claims["w"], bool(claims.get("c")), claims.get("u"))
    except KeyError:
        raise Unauthenticated("the token is not valid") from None


def read_public_url(text: str) -> str:
    """The address that links begin with, without a slash at its end. Raises ValueError for what no link can begin with:
    another scheme, no host, a user name, a query, a fragment, or characters that a URL does not have."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits or _UNFIT.search(text) or set(text) & set("?#@"):
        raise ValueError("must be an absolute http:// or https:// address, without a query")
    return text.rstrip("/")


def url(public_url: str, token: str) -> str:
    """Where the link leads; `public_url` is without a path of ours."""
    return public_url.rstrip("/") + PATH + token
