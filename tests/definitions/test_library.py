"""The examples: valid ones compile, invalid ones are refused for exactly the reason that they are there for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from definitions.dialects import DIALECTS, detect, justworkflowit
from definitions.errors import DefinitionError
from definitions.model import Definition

LIBRARY = Path(__file__).parents[2] / "definitions" / "library"
VALID = sorted(LIBRARY.glob("justworkflowit/*.json"))
INVALID = sorted(LIBRARY.glob("invalid/justworkflowit/*.json"))


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_a_valid_example_compiles(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    dialect = detect(text)
    assert dialect is not None
    definition = DIALECTS[dialect].compile_text(text)
    assert definition.name == file.stem
    stored = definition.model_dump_json(by_alias=True, exclude_defaults=True)
    assert Definition.model_validate_json(stored) == definition


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_an_invalid_example_is_refused_for_its_reason(file: Path) -> None:
    case: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert file.name.split(".")[0] == case["code"]
    text = case.get("text") or json.dumps(case["definition"])
    with pytest.raises(DefinitionError) as caught:
        justworkflowit.compile_text(text.ljust(case.get("padTo", 0)))
    found = [(problem.code, problem.path, problem.unsupported) for problem in caught.value.problems]
    assert found == [(case["code"], case["path"], case.get("unsupported", False))]
    assert caught.value.problems[0].message


def test_every_code_has_an_example() -> None:
    assert {file.name.split(".")[0] for file in INVALID} == set(justworkflowit.CODES)


def test_every_code_is_documented() -> None:
    text = (LIBRARY / "invalid" / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", text, re.MULTILINE))
    assert rows == justworkflowit.CODES


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ('{"workflowName": 5}', "justworkflowit"),
        ('{"steps": [], "definitions": {}}', "justworkflowit"),
        ('{"steps": []}', None),
        ("[]", None),
        ("workflowName: x", None),
        ("[" * 100_000, None),
    ],
)
def test_dialects_are_recognised(text: str, dialect: str | None) -> None:
    assert detect(text) == dialect
