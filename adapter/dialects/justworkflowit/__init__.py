"""The JustWorkflowIt API: 17 operations on workflows and jobs, and the issue of API tokens, under `/organizations`."""

from __future__ import annotations

from fastapi import APIRouter

from adapter.dialect import Dialect, under
from adapter.dialects.justworkflowit import api_tokens, jobs, workflows
from adapter.dialects.justworkflowit.errors import render_error
from adapter.dialects.justworkflowit.words import DIALECT


def _router() -> APIRouter:
    router = APIRouter()
    for part in (workflows, jobs, api_tokens):
        router.include_router(part.router)
    return router


JUSTWORKFLOWIT = Dialect(DIALECT, under("/organizations"), _router(), render_error)
