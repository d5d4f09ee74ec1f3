"""The Compose file and the Dockerfile as data."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import yaml

from tests.repo.sources import ROOT

#: The services that are this project.
OURS = ("adapter", "worker")
#: Services that do one thing and end.
JOBS = ("temporal-schema", "temporal-register")

_VARIABLE = re.compile(r"\$\{(\w+)")


@cache
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def service(name: str) -> dict[str, Any]:
    found = compose()["services"][name]
    assert isinstance(found, dict)
    return found


def variables(value: Any) -> set[str]:
    """Every variable of the environment that a part of the Compose file asks for."""
    return set(_VARIABLE.findall(json.dumps(value)))


def dockerfile() -> list[tuple[str, str]]:
    """Instructions and their arguments; continued lines are joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def instructions(word: str) -> list[str]:
    return [rest for found, rest in dockerfile() if found == word]


def image_environment() -> dict[str, str]:
    pairs = (pair.partition("=") for rest in instructions("ENV") for pair in rest.split())
    return {name: value for name, _, value in pairs}
