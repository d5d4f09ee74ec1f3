"""`tidegate validate`: every problem of every file, one a line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from definitions.errors import DefinitionError
from tidegate.definition_files import read_documents


def run(files: Sequence[Path]) -> int:
    """Print `FILE: $.json.path: message [code]` for every problem; 0 if there is none, else 1."""
    valid = True
    for file in files:
        try:
            documents = read_documents(file)
        except DefinitionError as error:
            valid = False
            for problem in error.problems:
                print(f"{file}: {problem}")
        else:
            for document in documents:
                print(f"{file}: valid ({document.dialect}, {document.name})")
    return 0 if valid else 1
