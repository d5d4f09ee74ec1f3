"""A job written as code: which job it registers, as far as its text shows it without being run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from definitions.dialects.stackshift.problems import new_report
from definitions.report import Report

#: `stackshift.job('name', …)`, also with a type: `.job<Payload>("name", …)`.
_JOB = re.compile(
    r"""\.\s*job\s*(?:<[^()]{0,500}?>\s*)?\(\s*(?P<quote>['"`])(?P<name>(?:(?!(?P=quote))[^\\\n]){1,200})(?P=quote)"""
)


def job_named(source: str, report: Report) -> str:
    """The one job that the text of a source registers."""
    names = list(dict.fromkeys(found["name"] for found in _JOB.finditer(source)))
    return _one(names, None, report)


def checked(document: dict[str, Any], jobs: Sequence[str]) -> dict[str, Any]:
    """A document of the source form with its job's name in it, once it was seen which jobs its code registers.

    Raises DefinitionError if the document names none of these, or there is not exactly one.
    """
    report = new_report()
    name = _one(list(jobs), document.get("name"), report)
    report.check()
    return {**document, "name": name}


def _one(names: list[str], wanted: Any, report: Report) -> str:
    if wanted is not None and wanted not in names:
        report.add("source-job-missing", "$.name", f"the source registers no job {str(wanted)[:80]!r}")
    elif not names:
        report.add("source-job-missing", "$.source", "the source registers no job: stackshift.job('name', …)")
    elif wanted is None and len(names) > 1:
        report.add("source-jobs-many", "$.source", f"the source registers {len(names)} jobs; give the `name` of one")
    return str(wanted) if wanted is not None else (names or ["?"])[0]


def is_source(document: Any) -> bool:
    """Whether a document is of the source form."""
    return isinstance(document, dict) and isinstance(document.get("source"), str) and "definition" not in document


def text_of(document: Any) -> str:
    """A document as the text that is kept of it."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
