"""Where a list goes on: opaque to callers, checked when it comes back."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from definitions.contract import timestamp
from definitions.errors import InputInvalid
from definitions.ids import content_hash
from worker.views import RunQuery

#: Microseconds since 1970 of the year 9000: what still is a date, with room for arithmetic.
_LATEST = 221_845_392_000_000_000


@dataclass(frozen=True)
class PageToken:
    """The last row shown: `moment` in microseconds since 1970, and its workflow id.

    `mode` is how the list was ordered; `width` the microseconds that a page spanned, to begin the next one with.
    """

    mode: Literal["exact", "windows"]
    moment: int
    workflow_id: str
    width: int = 0

    @property
    def key(self) -> tuple[int, str]:
        return self.moment, self.workflow_id


def write_token(query: RunQuery, token: PageToken | None) -> str | None:
    """The token as callers get it; None for None: there is no next page."""
    if token is None:
        return None
    text = json.dumps({**asdict(token), "query": _fingerprint(query)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(query: RunQuery) -> PageToken | None:
    """The token of a query. Raises InputInvalid for one that is not ours, or of a list with other conditions."""
    if query.page_token is None:
        return None
    try:
        raw = query.page_token.encode("ascii")
        content = json.loads(base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True))
        fingerprint = content.pop("query")
        token = PageToken(**content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputInvalid("not a page token") from None
    if not _is_sound(token) or fingerprint != _fingerprint(query):
        raise InputInvalid("not a page token of this list")
    return token


def _is_sound(token: PageToken) -> bool:
    return (
        token.mode in ("exact", "windows")
        and _is_moment(token.moment)
        and _is_moment(token.width)
        and isinstance(token.workflow_id, str)
    )


def _is_moment(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LATEST


def _fingerprint(query: RunQuery) -> str:
    conditions = asdict(replace(query, page_size=0, page_token=None))
    for name in ("created_after", "created_before"):
        moment = getattr(query, name)
        conditions[name] = None if moment is None else timestamp(moment)
    if query.definitions_of is not None:
        conditions["definition_ids"] = None
    elif query.definition_ids is not None:
        conditions["definition_ids"] = sorted(query.definition_ids)
    return content_hash(conditions)[:16]
