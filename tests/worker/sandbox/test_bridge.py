"""Code that is one function over the data of a run: what the bridge gives, and what its end is."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.contract import CodeResult
from definitions.errors import DefinitionError
from tests.worker.sandbox.calls import refuse
from worker.code_activity import result_of
from worker.sandbox.runner import Limits, Sandbox

SHIM = "fastgen"
DATA = {"action": {"stock": {"body": {"count": 3, "list": [1, None]}}}, "var": {"a b": 4}, "header": {"x-id": "h"}}


async def run(sandbox: Sandbox, body: str, data: Any = DATA) -> CodeResult:
    source = body if body.startswith("export") else f"export default async function () {{ {body}\n}}"
    told = {"inspect": False, "source": source, "handler": "default", "payload": data, "done": {}, "failed": {}}
    return result_of(await sandbox.run(SHIM, told, refuse, Limits(20.0)))


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("return fastgen('action.stock.body.count')", 3),
        ("return fastgen(`$action['stock'].body[\"list\"][0]`)", 1),
        ("return fastgen('{{ $var[\"a b\"] }}')", 4),
        ("return fastgen('action.nobody.x.y')", None),
        ("return fastgen('action.stock.body.list[7]')", None),
        ("return fastgen('action.stock.constructor')", None),
        ("return fastgen('header.X-ID')", "h"),
        ("return fastgen.action.stock.body.count + fastgen.var['a b']", 7),
        ("return fastgen()", DATA),
        ("fastgen.action.stock.body.count = 9; return fastgen('action.stock.body.count')", 9),
        ("const n: number = 2; return await Promise.resolve(n)", 2),
        ("export default (given) => given('var')", {"a b": 4}),
        ("", None),
    ],
)
async def test_what_code_gives(sandbox: Sandbox, code: str, value: Any) -> None:
    result = await run(sandbox, code)
    assert (result.kind, result.value, result.error) == ("return", value, None)


@pytest.mark.parametrize(
    ("code", "error", "kind"),
    [
        ("\n\nthrow new Error('no')", "no (line 3)", None),
        ("return () => 1", "no JSON value", "value-invalid"),
        ("return fastgen('nope.x')", "names none of action, var, header", "value-invalid"),
        ("return fastgen('action.')", "cannot be read", "value-invalid"),
        ("return fastgen(5)", "takes an expression", "value-invalid"),
        ("return 5 +", "SyntaxError", "code-invalid"),
        ("export const a = 1", "exports no function", "code-invalid"),
        ("return Deno.env", "Deno", None),
        ("return (await fetch('https://x.example')).status", "refused", None),
        ("fastgen.action = 1; return 1", "read only", None),
    ],
)
async def test_how_code_fails(sandbox: Sandbox, code: str, error: str, kind: str | None) -> None:
    result = await run(sandbox, code)
    assert (result.kind, result.code) == ("threw", kind)
    assert error in (result.error or "")


async def test_code_is_looked_at(sandbox: Sandbox) -> None:
    assert await sandbox.inspect(SHIM, "export default async function () { return fastgen.action.x }") == ["default"]
    for source in (
        "export const a = 1",
        "export default 5",
        "export default () => {",
        "await fetch('https://x.example')",
    ):
        with pytest.raises(DefinitionError) as caught:
            await sandbox.inspect(SHIM, source)
        assert caught.value.problems[0].code == "code-invalid"
