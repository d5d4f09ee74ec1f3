"""The one shape that every vendor's HTTP dialect has.

A dialect is one file in `adapter/dialects/` and one line in its table. The application, the error boundary, the logs
and the metrics know dialects through this shape only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Scope

from definitions.errors import TidegateError

#: Whether a request belongs to a dialect. It sees the ASGI scope, since a dialect may be known by host name too.
Owns = Callable[[Scope], bool]

#: A dialect's own rendering of an error: status, headers and body. The boundary adds `x-request-id`, `retry-after`,
#: `allow` and `www-authenticate` where they belong, so that no dialect has to remember them.
RenderError = Callable[[Request, TidegateError], Response]


@dataclass(frozen=True)
class Dialect:
    """One vendor's API.

    `name` is the dialect's name in ids and facts; `router` holds its routes with their full documented paths;
    `owns` claims requests, so that unknown paths and wrong methods are answered in the dialect's shape as well.
    `root_of` gives the path at which the dialect serves a public name, for hosts that serve it at their root; None: it
    has no such names.
    """

    name: str
    owns: Owns
    router: APIRouter
    render_error: RenderError
    root_of: Callable[[str], str] | None = None


def under(*prefixes: str) -> Owns:
    """Claim the paths that equal a prefix or lie below it: `/api` claims `/api` and `/api/x`, not `/apis`."""
    roots = tuple(prefix.rstrip("/") for prefix in prefixes)

    def owns(scope: Scope) -> bool:
        path: str = scope["path"]
        return any(path == root or path.startswith(f"{root}/") for root in roots)

    return owns


def owner(dialects: tuple[Dialect, ...], scope: Scope) -> Dialect | None:
    """The first dialect in the table that claims the request, or None."""
    return next((dialect for dialect in dialects if dialect.owns(scope)), None)
