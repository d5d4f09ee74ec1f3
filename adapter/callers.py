"""Who is at the other end: a person's browser, which gets a page, or a program, which gets JSON."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import Request


def wants_page(request: Request) -> bool:
    """Whether `Accept` names `text/html` itself. Programs send `*/*` or nothing, and `q=0` is no wish."""
    ranges = (part for value in request.headers.getlist("accept") for part in value.split(","))
    return any(_is_wish(part) for part in ranges)


def is_prefetch(request: Request) -> bool:
    """Whether a browser loads ahead what nobody has clicked yet."""
    purposes = (request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
    return any("prefetch" in purpose.lower() for purpose in purposes)


def _is_wish(media_range: str) -> bool:
    kind, *parameters = (part.strip().lower() for part in media_range.split(";"))
    return kind == "text/html" and _weight(parameters) > 0


def _weight(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
