"""Pages of a list that is in order: a cursor names the item before or behind which a page lies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request

from adapter.failures import RequestInvalid

_VERSION = "v2"
_AFTER, _BEFORE = "after", "before"


@dataclass(frozen=True)
class Page:
    """Ids of a page, and the cursors of those around it."""

    ids: Sequence[str]
    following: str | None
    previous: str | None


def page_of(ids: Sequence[str], cursor: str | None, limit: int) -> Page:
    """A page of ids that are in order. An item that is gone meanwhile is no hindrance. Raises RequestInvalid."""
    direction, anchor = (_AFTER, None) if cursor is None else _read(cursor)
    if anchor is None:
        start = 0
    elif direction == _AFTER:
        start = sum(one <= anchor for one in ids)
    else:
        start = max(0, sum(one < anchor for one in ids) - limit)
    shown = ids[start : start + limit]
    if direction == _BEFORE and anchor is not None:
        shown = [one for one in shown if one < anchor]
    more_behind = bool(shown) and shown[-1] != ids[-1]
    more_before = bool(shown) and shown[0] != ids[0]
    return Page(
        shown, _write(_AFTER, shown[-1]) if more_behind else None, _write(_BEFORE, shown[0]) if more_before else None
    )


def _write(direction: str, anchor: str) -> str:
    return base64.urlsafe_b64encode(f"{_VERSION}:{direction}:{anchor}".encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[str, str]:
    try:
        raw = cursor.encode("ascii").rstrip(b"=")
        text = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True).decode("utf-8")
        version, direction, anchor = text.split(":", 2)
    except (ValueError, binascii.Error):
        raise _invalid() from None
    if version != _VERSION or direction not in (_AFTER, _BEFORE) or not anchor:
        raise _invalid()
    return direction, anchor


def _invalid() -> RequestInvalid:
    return RequestInvalid("cursor: is not a cursor of this list", {"cursor": "is not a cursor of this list"})


def link_header(request: Request, page: Page) -> dict[str, str]:
    """The header that names the pages around this one, with the rest of the query as it was asked."""
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    around = (("next", page.following), ("prev", page.previous))
    links = [
        f'<{request.url.path}?{urlencode([*asked, ("cursor", cursor)])}>; rel="{rel}"'
        for rel, cursor in around
        if cursor
    ]
    return {"link": ", ".join(links)} if links else {}
