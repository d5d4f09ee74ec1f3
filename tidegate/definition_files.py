"""Definition files: read one, find its dialect, compile it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from definitions import json_text
from definitions.dialects import DIALECTS, detect
from definitions.errors import DefinitionError, Problem
from worker.activities import team_executors


@dataclass(frozen=True)
class Document:
    """A definition of a file, found valid. `sha256` is that of its minified form."""

    path: Path
    dialect: str
    name: str
    text: str
    sha256: str


def read_document(path: Path) -> Document:
    """Read and compile a file. Raises DefinitionError, also for a file that cannot be read."""
    text = _text(path)
    dialect = detect(text)
    if dialect is None:
        if path.suffix == ".json":
            # A slip of the pen hides what the text is meant to be: say where that is, rather than that.
            json_text.parse(text)
        raise _unusable("dialect-unknown", f"not a definition in any known dialect ({', '.join(sorted(DIALECTS))})")
    language = DIALECTS[dialect]
    definition = language.compile_text(text, executors=team_executors())
    return Document(path, dialect, definition.name, text, language.minified_sha256(text))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unusable("file-unreadable", (error.strerror or str(error)).lower()) from None
    except UnicodeDecodeError:
        raise _unusable("file-unreadable", "is not UTF-8") from None


def _unusable(code: str, message: str) -> DefinitionError:
    return DefinitionError([Problem(code, "$", message)])
