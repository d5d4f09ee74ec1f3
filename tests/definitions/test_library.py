"""The examples: valid ones compile, invalid ones are refused for exactly the reason that they are there for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from definitions.dialects import DIALECTS, detect
from definitions.errors import DefinitionError
from definitions.model import Definition

LIBRARY = Path(__file__).parents[2] / "definitions" / "library"
VALID = sorted(
    file for name in DIALECTS for suffix in ("json", "yaml", "yml") for file in LIBRARY.glob(f"{name}/*.{suffix}")
)
INVALID = sorted(LIBRARY.glob("invalid/*/*.json"))


def case_name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", VALID, ids=case_name)
def test_a_valid_example_compiles(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    dialect = detect(text)
    assert dialect == file.parent.name
    definition = DIALECTS[dialect].compile_text(text)
    assert definition.name == file.stem
    stored = definition.model_dump_json(by_alias=True, exclude_defaults=True)
    assert Definition.model_validate_json(stored) == definition


@pytest.mark.parametrize("file", INVALID, ids=case_name)
def test_an_invalid_example_is_refused_for_its_reason(file: Path) -> None:
    case: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert file.name.split(".")[0] == case["code"]
    text = case.get("text") or json.dumps(case["definition"])
    with pytest.raises(DefinitionError) as caught:
        DIALECTS[file.parent.name].compile_text(text.ljust(case.get("padTo", 0)))
    found = [(problem.code, problem.path, problem.unsupported) for problem in caught.value.problems]
    assert found == [(case["code"], case["path"], case.get("unsupported", False))]
    assert caught.value.problems[0].message


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_code_has_an_example(dialect: str) -> None:
    examples = {file.name.split(".")[0] for file in INVALID if file.parent.name == dialect}
    assert examples == set(DIALECTS[dialect].CODES)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_code_is_documented(dialect: str) -> None:
    text = (LIBRARY / "invalid" / "README.md").read_text(encoding="utf-8")
    sections = {head.lower(): body for head, body in re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.M | re.S)}
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", sections[dialect], re.MULTILINE))
    assert rows == DIALECTS[dialect].CODES


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ('{"workflowName": 5}', "justworkflowit"),
        ('{"steps": [], "definitions": {}}', "justworkflowit"),
        ('{"definition": {"steps": 5}}', "stackshift"),
        ('{"name": "a", "steps": []}', "stackshift"),
        ('{"source": "stackshift.job(name, f)"}', "stackshift"),
        ('{"source": "export class Workflow { start(data) { run(data.job) } }"}', "jsworkflows"),
        ('{"name": "a", "steps": {}}', "jsworkflows"),
        ('{"workflow": {"event": 5}}', "fastgen"),
        ('{"project": "a", "route": {"method": "GET", "actions": []}}', "fastgen"),
        ('{"source": "export class Job {}"}', None),
        ('{"steps": []}', None),
        ("[]", None),
        ("workflowName: x", None),
        ("[" * 100_000, None),
    ],
)
def test_dialects_are_recognised(text: str, dialect: str | None) -> None:
    assert detect(text) == dialect
