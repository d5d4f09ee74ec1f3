"""What the tests' clients of the APIs have in common: the key, bodies in JSON, how the paths begin."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import httpx


class ApiClient:
    """Calls with one key. `send` gives the answer as it is, the other methods what a success holds."""

    #: What the paths begin with.
    base: ClassVar[str]
    #: Whether requests say that they hold and want JSON.
    says_json: ClassVar[bool] = False

    def __init__(self, http: httpx.AsyncClient, token: str, organisation: str) -> None:
        self.http = http
        self.token = token
        self.organisation = organisation

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """One request to a path below `base`."""
        headers = {"authorization": f"Bearer {self.token}"}
        if self.says_json:
            headers["accept"] = "application/json"
        headers |= more.pop("headers", {})
        if body is not None:
            more["content"] = json.dumps(body)
            if self.says_json:
                headers.setdefault("content-type", "application/json")
        return await self.http.request(method, f"{self.base}{path}", headers=headers, **more)

    async def ok(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        return self.held(await self.send(method, path, body, **more), status)

    def held(self, response: httpx.Response, status: int) -> Any:
        """What a success holds: the JSON of its body."""
        assert response.status_code == status, response.text
        return response.json()
