"""The Compozy API: signals, events, executions and workflows under `/api/v0`, and webhooks under `/hooks`."""

from __future__ import annotations

from fastapi import APIRouter

from adapter.dialect import Dialect, under
from adapter.dialects.compozy import executions, hooks, signals, stream, unsupported, workflows
from adapter.dialects.compozy.errors import BASE, HOOKS, render_error
from adapter.dialects.compozy.words import DIALECT


def _router() -> APIRouter:
    router = APIRouter()
    for part in (signals, executions, stream, unsupported, workflows, hooks):
        router.include_router(part.router)
    return router


COMPOZY = Dialect(DIALECT, under(BASE, HOOKS), _router(), render_error)
