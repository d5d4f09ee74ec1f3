"""Short ways to compile and run a workflow or a route, and to say what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from definitions.contract import RunSnapshot
from definitions.dialects import fastgen
from definitions.errors import DefinitionError
from definitions.model import Definition
from tests.running import Runs

Json = dict[str, Any]


def action(type: str, config: Json | None = None, name: str = "", **more: Any) -> Json:
    return {"name": name or type, "type": type, "config": config or {}, **more}


def workflow(*actions: Json, **more: Any) -> str:
    return fastgen.text_of("shop", "workflow", "flow", {"event": "go", "actions": list(actions), **more})


def route(*actions: Json, **more: Any) -> str:
    body = {"method": "POST", "path": "/orders", "actions": list(actions), **more}
    return fastgen.text_of("shop", "route", "flow", body)


def problems(text: str) -> list[tuple[str, str, bool]]:
    try:
        fastgen.compile_text(text)
    except DefinitionError as error:
        return [(one.code, fastgen.own_problem(one).path, one.unsupported) for one in error.problems]
    return []


@dataclass
class Flows:
    runs: Runs

    async def ended(self, given: str | Definition, input: Any = None, status: str = "succeeded") -> RunSnapshot:
        definition = fastgen.compile_text(given) if isinstance(given, str) else given
        fastgen.check_input(definition, True, input)
        facts = self.runs.facts(definition.name)
        await self.runs.tidegate.start_run(definition, facts, input)
        return await self.runs.ended(facts.run_id, status)

    async def reply(self, *actions: Json, **request: Any) -> Any:
        given = {"body": None, "query": {}, "path": {}, "headers": {}, "raw": "", **request}
        path = "".join(f"/{{{name}}}" for name in given["path"]) or "/"
        return (await self.ended(route(*actions, path=path), fastgen.request(**given))).output

    async def outputs(self, *actions: Json, param: Any = None, status: str = "succeeded") -> Json:
        """The outputs of the actions that have run, by key."""
        found = await self.ended(workflow(*actions), {} if param is None else param, status)
        output: Json = found.data["action"]
        return output


def steps(snapshot: RunSnapshot) -> list[tuple[str, str]]:
    """The actions that were recorded, with what came of each."""
    return [(one.step, one.status) for one in snapshot.records if fastgen.is_action(one.step)]
