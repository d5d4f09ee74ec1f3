"""The JsWorkflows API: workflows and runs under `/jsworkflows`, and trigger URLs. The paths are ours: the vendor
publishes none."""

from __future__ import annotations

from fastapi import APIRouter

from adapter.dialect import Dialect, under
from adapter.dialects.jsworkflows import runs, testing, trigger, workflows
from adapter.dialects.jsworkflows.errors import render_error
from adapter.dialects.jsworkflows.operations import BASE
from adapter.dialects.jsworkflows.trigger_tokens import PATH
from adapter.dialects.jsworkflows.words import DIALECT


def _router() -> APIRouter:
    router = APIRouter()
    for part in (workflows, testing, runs, trigger):
        router.include_router(part.router)
    return router


JSWORKFLOWS = Dialect(DIALECT, under(BASE, PATH), _router(), render_error)
