"""The published JSON Schema of the model is that of the code, and describes what dialects compile to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from definitions import schema
from definitions.dialects import justworkflowit

LIBRARY = Path(schema.__file__).parent / "library"


def test_the_file_is_up_to_date() -> None:
    assert schema.FILE.read_text(encoding="utf-8") == schema.text(), "run: python -m definitions.schema"


@pytest.mark.parametrize("file", sorted(LIBRARY.glob("justworkflowit/*.json")), ids=lambda file: file.stem)
def test_compiled_definitions_fit_it(file: Path) -> None:
    definition = justworkflowit.compile_text(file.read_text(encoding="utf-8"))
    validator = Draft202012Validator(json.loads(schema.FILE.read_text(encoding="utf-8")))
    validator.validate(definition.model_dump(mode="json", by_alias=True, exclude_defaults=True))
