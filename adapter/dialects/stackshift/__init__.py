"""The StackShift API: jobs, runs and events, under `/api/v1`. The vendor publishes none: the paths are ours."""

from __future__ import annotations

from fastapi import APIRouter

from adapter.dialect import Dialect, under
from adapter.dialects.stackshift import events, jobs, runs
from adapter.dialects.stackshift.errors import render_error
from adapter.dialects.stackshift.operations import BASE
from adapter.dialects.stackshift.words import DIALECT


def _router() -> APIRouter:
    router = APIRouter()
    for part in (jobs, runs, events):
        router.include_router(part.router)
    return router


STACKSHIFT = Dialect(DIALECT, under(BASE), _router(), render_error)
