"""The Fastgen API: event workflows, routes, events and runs of projects under `/fastgen/{project}`, live routes below
`/fastgen/{project}/api` and at hosts of their own. The paths are ours: the vendor publishes none."""

from __future__ import annotations

from fastapi import APIRouter

from adapter.dialect import Dialect, under
from adapter.dialects.fastgen import debugging, live, management, published, runs, tokens
from adapter.dialects.fastgen.errors import BASE, LIVE, render_error
from adapter.dialects.fastgen.words import DIALECT


def _router() -> APIRouter:
    router = APIRouter()
    for part in (management, debugging, published, tokens, runs, live):
        router.include_router(part.router)
    return router


FASTGEN = Dialect(DIALECT, under(BASE), _router(), render_error, root_of=lambda project: f"{BASE}/{project}/{LIVE}")
