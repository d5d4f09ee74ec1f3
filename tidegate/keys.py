"""`tidegate key new`: an API key. The server is given its hash only, so this is the one time that it is shown."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence

PREFIX = "tgk_"


def new_api_key(organisation: str, permissions: Sequence[str], name: str | None = None) -> tuple[str, str]:
    """A new key, and its entry for `TIDEGATE_API_KEYS` as one line of JSON."""
    key = PREFIX + secrets.token_urlsafe(32)
    entry: dict[str, object] = {
        "key_sha256": hashlib.sha256(key.encode("ascii")).hexdigest(),
        "organisation": organisation,
        "permissions": list(permissions),
    }
    return key, json.dumps(entry | ({"name": name} if name else {}))
