"""The JSON Schema of the one definition model; `python -m definitions.schema` writes it to `schema.json`."""

from __future__ import annotations

import json
from pathlib import Path

from definitions.model import Definition

FILE = Path(__file__).with_name("schema.json")


def text() -> str:
    """The schema as it stands in the file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Definition.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
