"""Definition files: read one, find its dialect, compile what is in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from definitions import json_text, yaml_text
from definitions.dialects import DIALECTS, DOCUMENTS, detect
from definitions.errors import DefinitionError, Problem
from worker.activities import team_executors

#: Suffixes of files with definitions -> what reads their texts by themselves.
SUFFIXES = {".json": json_text.parse, ".yaml": yaml_text.parse, ".yml": yaml_text.parse}


@dataclass(frozen=True)
class Document:
    """A definition of a file, found valid. `sha256` is that of its minified form."""

    path: Path
    dialect: str
    name: str
    text: str
    sha256: str


def read_documents(path: Path) -> list[Document]:
    """Read and compile a file. Raises DefinitionError, also for a file that cannot be read."""
    text = _text(path)
    dialect = detect(text)
    if dialect is None:
        if path.suffix in SUFFIXES:
            # A slip of the pen hides what the text is meant to be: say where that is, rather than that.
            SUFFIXES[path.suffix](text)
        raise _unusable("dialect-unknown", f"not a definition in any known dialect ({', '.join(sorted(DIALECTS))})")
    texts = DOCUMENTS[dialect].split(text) if dialect in DOCUMENTS else {"$": text}
    return [_document(path, dialect, one, place) for place, one in texts.items()]


def _document(path: Path, dialect: str, text: str, place: str) -> Document:
    language = DIALECTS[dialect]
    try:
        definition = language.compile_text(text, executors=team_executors())
    except DefinitionError as error:
        raise DefinitionError([replace(one, path=place + one.path[1:]) for one in error.problems]) from error
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
