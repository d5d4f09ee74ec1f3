"""The definition languages: one module or package per vendor, each compiling its text to a `Definition`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from definitions.dialects import compozy, fastgen, jsworkflows, justworkflowit, stackshift
from definitions.errors import Problem
from definitions.listeners import Listening
from definitions.model import Definition


class Language(Protocol):
    """What every dialect's module offers."""

    #: The tag of the version that is current, as the vendor writes it.
    LIVE_TAG: str
    #: Code of a problem -> what it means.
    CODES: dict[str, str]

    def compile_text(
        self, text: str, *, executors: Mapping[str, Any] | None = None, analyse: bool = True
    ) -> Definition:
        """Check and compile. Raises DefinitionError."""
        ...

    def check_input(self, definition: Definition, has_input: bool, value: Any) -> None:
        """Raises InputInvalid if a run of the definition cannot be started with this input."""
        ...

    def minified_sha256(self, text: str) -> str:
        """The hash by which two texts of a definition are the same. Raises DefinitionError."""
        ...

    def recognises(self, text: str) -> bool:
        """Whether a text looks like this language, valid or not."""
        ...


#: Name of a dialect -> its language.
DIALECTS: dict[str, Language] = {
    "compozy": compozy,
    "fastgen": fastgen,
    "jsworkflows": jsworkflows,
    "justworkflowit": justworkflowit,
    "stackshift": stackshift,
}


class Documents(Protocol):
    """What a dialect offers in whose files there may be several definitions, or some that only its API can publish."""

    def split(self, text: str) -> dict[str, str]:
        """Every definition of a text as one by itself, by its JSON path in the text. Raises DefinitionError."""
        ...

    def api_only(self, text: str) -> list[Problem]:
        """What of a definition cannot be published from a file: it has to be claimed or sealed first."""
        ...


#: Name of a dialect -> how its files are read; of the others each file is one definition.
DOCUMENTS: dict[str, Documents] = {"compozy": compozy, "fastgen": fastgen}

#: Name of a dialect -> which of its workflows events start. A dialect without events is not in it.
LISTENERS: dict[str, Listening] = {"compozy": compozy, "fastgen": fastgen}


def detect(text: str) -> str | None:
    """The dialect that a definition seems to be written in; None if none recognises it."""
    return next((name for name, language in DIALECTS.items() if language.recognises(text)), None)
