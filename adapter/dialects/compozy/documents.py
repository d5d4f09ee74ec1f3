"""Workflows as they are sent, and as they are kept: without the secrets of their webhooks, which are kept sealed.

In place of a secret the kept text says `sealed:<fingerprint>`; what a caller has read may be sent back. A secret
written as `{{ .env.NAME }}` is the organisation's secret NAME, and is left as it is.
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adapter.failures import RequestInvalid
from adapter.settings import Settings
from definitions.dialects.compozy import document as texts
from definitions.errors import Unavailable
from worker.client import SecretBox

Json = dict[str, Any]

_SEALED = re.compile(r"sealed:[0-9a-f]{32}")
_NAMED = re.compile(r"\{\{-?\s*\.env\.([A-Za-z_][A-Za-z0-9_]{0,99})\s*-?\}\}")


def workflow_of(raw: bytes, name: str) -> Json:
    """The workflow of this id out of a body. Raises DefinitionError, RequestInvalid."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the body is not UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise RequestInvalid("the body is empty; a workflow is required")
    placed = [found for found, _ in texts.workflows(texts.parse(text))]
    if len(placed) == 1 and "id" not in placed[0]:
        return {"id": name, **placed[0]}
    found = next((one for one in placed if one.get("id") == name), None)
    if found is None:
        raise RequestInvalid("the body has no workflow of this id", {"$.id": f"must be {name!r}"})
    return found


def shown(text: str) -> Json:
    """A workflow as callers see it."""
    value: Json = texts.parse(text)
    return value


@dataclass
class Sealed:
    """A workflow as it is kept; `secrets` are to be kept with it, by name, and `needed` have to be there already."""

    document: Json
    secrets: dict[str, str] = field(default_factory=dict)
    needed: list[str] = field(default_factory=list)


def sealed(document: Json, settings: Settings, organisation: str) -> Sealed:
    """Take the secrets out of a workflow that is known to be valid. Raises Unavailable on a server without keys."""
    kept = Sealed(copy.deepcopy(document))
    for webhook in webhooks_of(kept.document):
        verify = webhook.get("verify")
        secret = verify.get("secret") if isinstance(verify, dict) else None
        if not isinstance(secret, str) or _NAMED.fullmatch(secret.strip()):
            continue
        if _SEALED.fullmatch(secret):
            kept.needed.append(secret_name(document["id"], webhook["slug"], secret))
            continue
        if not settings.secret_keys:
            raise Unavailable("this server keeps no secrets: TIDEGATE_SECRET_KEYS is not set", part="adapter")
        assert isinstance(verify, dict)
        verify["secret"] = f"sealed:{_fingerprint(settings.secret_keys[0], organisation, secret)}"
        name = secret_name(document["id"], webhook["slug"], verify["secret"])
        kept.secrets[name] = SecretBox(settings.secret_keys).seal(organisation, name, secret)
    return kept


def webhooks_of(document: Json) -> Iterator[Json]:
    """The webhooks of a workflow, as they are written."""
    for trigger in document.get("triggers") or []:
        if isinstance(trigger, dict) and trigger.get("type") == "webhook" and isinstance(trigger.get("webhook"), dict):
            yield trigger["webhook"]


def slugs_of(document: Json) -> set[str]:
    return {str(webhook["slug"]) for webhook in webhooks_of(document)}


def secret_name(workflow: str, slug: str, written: str) -> str:
    """The name of the organisation's secret that stands behind what is written in the kept text."""
    named = _NAMED.fullmatch(written.strip())
    return named[1] if named else f"compozy/{workflow}/{slug}/{written}"


def _fingerprint(key: str, organisation: str, secret: str) -> str:
    """Tells secrets apart, without telling anything of them to whoever lacks the server's key."""
    text = f"{organisation}\0{secret}".encode("utf-8", "surrogatepass")
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:32]
