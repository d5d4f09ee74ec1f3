"""Trigger URLs: a token that names a workflow and the generation of its URL, signed; nothing of it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from adapter.settings import Settings
from definitions.errors import NotFound, Unauthenticated
from definitions.tokens import token_keys

PURPOSE = "trigger"
PATH = "/trigger/"
GONE = "there is no such trigger, or its workflow is not active"


@dataclass(frozen=True)
class Trigger:
    """What a token stands for."""

    organisation: str
    definition_id: str
    generation: int


def url(settings: Settings, base: str, trigger: Trigger) -> str | None:
    """The trigger's URL; it never expires. None on a server without keys to sign with.

    `base` stands in for an unset TIDEGATE_PUBLIC_URL.
    """
    if not settings.token_keys:
        return None
    claims = {"o": trigger.organisation, "d": trigger.definition_id, "g": trigger.generation}
    token = token_keys(settings.token_keys).sign(PURPOSE, claims, expires_at=None)
    return f"{(settings.public_url or base).rstrip('/')}{PATH}{token}"


def verify(settings: Settings, token: str, now: datetime) -> Trigger:
    """What a token stands for. Raises NotFound, whatever is wrong with it."""
    try:
        if not settings.token_keys:
            raise NotFound(GONE)
        claims = token_keys(settings.token_keys).verify(PURPOSE, token, now=now)
        return Trigger(claims["o"], claims["d"], claims["g"])
    except (Unauthenticated, KeyError):
        raise NotFound(GONE) from None
