"""Short ways to compile and run a workflow, and to say what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from definitions.contract import RunSnapshot
from definitions.dialects import compozy
from definitions.model import Definition
from tests.running import Runs


def compiled(text: str | dict[str, Any]) -> Definition:
    return compozy.compile_text(text if isinstance(text, str) else yaml.safe_dump(text, sort_keys=False))


def tasks(text: str, **more: Any) -> dict[str, Any]:
    """A workflow of tasks written in YAML."""
    return {"id": "flow", **more, "tasks": yaml.safe_load(text)}


def tool(url: str, name: str = "echo", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "http", "config": {"url": url}, **more}


@dataclass
class Workflows:
    runs: Runs

    async def start(self, workflow: str | dict[str, Any], input: Any = None) -> str:
        definition = compiled(workflow)
        compozy.check_input(definition, input is not None, input)
        facts = self.runs.facts(definition.name)
        await self.runs.tidegate.start_run(definition, facts, {} if input is None else input)
        return facts.run_id

    async def ended(self, workflow: str | dict[str, Any], input: Any = None, status: str = "succeeded") -> RunSnapshot:
        return await self.runs.ended(await self.start(workflow, input), status)

    async def output(self, workflow: str | dict[str, Any], input: Any = None) -> Any:
        return (await self.ended(workflow, input)).output
