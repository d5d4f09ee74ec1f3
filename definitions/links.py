"""Links that resume a run: what a token says, and the URL that carries it. Pure: the time is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from definitions.errors import Unauthenticated
from definitions.tokens import TokenKeys

PURPOSE = "resume"
PATH = "/resume/"


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


def url(public_url: str, token: str) -> str:
    """Where the link leads; `public_url` is without a path of ours."""
    return public_url.rstrip("/") + PATH + token
