"""What the vendor documents, and Tidegate does not serve: each answers so, rather than as an unknown path."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.dialects.compozy.auth import caller
from adapter.dialects.compozy.errors import BASE, Unsupported
from adapter.dialects.compozy.words import WORKFLOW_READ

router = APIRouter()

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
TRANSFERS = ("workflows/import", "workflows/export")
RESOURCES = (
    "agents", "auth", "knowledge-bases", "mcps", "memories", "memory", "models", "project", "projects", "schemas",
    "tasks", "tools", "usage", "users", "executions/agents", "executions/tasks",
)  # fmt: skip


async def refuse(request: Request) -> Response:
    caller(request, WORKFLOW_READ)
    what = request.scope["path"].removeprefix(f"{BASE}/")
    raise Unsupported(f"{what[:100]} is not served by Tidegate")


for _path in TRANSFERS:
    router.add_api_route(f"{BASE}/{_path}", refuse, methods=["POST"], include_in_schema=False)
for _path in RESOURCES:
    for _below in ("", "/{rest:path}"):
        router.add_api_route(f"{BASE}/{_path}{_below}", refuse, methods=METHODS, include_in_schema=False)
