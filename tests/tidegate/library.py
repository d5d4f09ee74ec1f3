"""Definitions to try the command with: whatever the library holds, of whichever dialects there are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from definitions.dialects import detect
from tests.repo.sources import ROOT

LIBRARY = ROOT / "definitions" / "library"


def valid() -> list[Path]:
    """The library's definitions, all valid."""
    return sorted(path for path in LIBRARY.glob("*/*.json") if path.parent.name != "invalid")


@dataclass(frozen=True)
class Refused:
    """A definition that is refused, and the one problem that it has."""

    text: str
    path: str
    code: str

    def write(self, folder: Path) -> Path:
        file = folder / f"{self.code}.json"
        file.write_text(self.text, encoding="utf-8")
        return file


def invalid() -> list[Refused]:
    """The library's definitions that are refused, as far as their dialect can be seen."""
    cases = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((LIBRARY / "invalid").glob("*/*.json"))]
    plain = [case for case in cases if "definition" in case and "padTo" not in case]
    refused = [Refused(json.dumps(case["definition"]), case["path"], case["code"]) for case in plain]
    return [one for one in refused if detect(one.text) is not None]


def other_version(path: Path) -> str:
    """The same definition in a version of its own: still valid, but not the same text."""
    raw = json.loads(path.read_text())
    return json.dumps(dict(reversed(raw.items())))
