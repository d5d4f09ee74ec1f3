"""A definition whose form has been checked, as the later passes see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from definitions.dialects.justworkflowit import schemas, transitions
from definitions.dialects.justworkflowit.structure import REF_PREFIX

INPUT = "workflowInput"


@dataclass(frozen=True)
class Source:
    """One step as written. `path` is its JSON path."""

    path: str
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.raw["name"])

    @property
    def details(self) -> dict[str, Any]:
        details: dict[str, Any] = self.raw["integrationDetails"]
        return details

    @property
    def details_path(self) -> str:
        return f"{self.path}.integrationDetails"

    @property
    def type(self) -> str:
        return str(self.details["type"])

    @property
    def transition(self) -> Any:
        return self.raw.get("transitionToStep")

    @property
    def transformer(self) -> dict[str, Any] | None:
        return self.details.get("inputTransformer")

    def definition(self, key: str) -> str | None:
        """The name of the definition that `inputDefinition` or `outputDefinition` refers to, if it is given."""
        return referred(self.details[key]) if key in self.details else None


@dataclass(frozen=True)
class Document:
    raw: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.raw["workflowName"])

    @property
    def definitions(self) -> dict[str, Any]:
        definitions: dict[str, Any] = self.raw["definitions"]
        return definitions

    @cached_property
    def steps(self) -> dict[str, Source]:
        """All steps by name; of two with one name the first counts."""
        steps: dict[str, Source] = {}
        for index, raw in enumerate(self.raw["steps"]):
            steps.setdefault(raw["name"], Source(f"$.steps[{index}]", raw))
        return steps

    @cached_property
    def start(self) -> str:
        return next(iter(self.steps))

    @cached_property
    def following(self) -> dict[str, list[str]]:
        """Step -> the steps that may follow it and exist."""
        return {
            name: [target for target in transitions.targets(step.transition) if target in self.steps]
            for name, step in self.steps.items()
        }

    def schema(self, name: str) -> dict[str, Any]:
        """The definition as a JSON Schema that stands by itself."""
        return schemas.standalone(self.definitions, name)


def referred(reference: dict[str, Any]) -> str:
    """The name in a reference of the right form."""
    return str(reference["$ref"])[len(REF_PREFIX) :]
