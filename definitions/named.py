"""What the `${…}` in the texts of a value name, for the dialects that check it beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from definitions.expressions import path as paths
from definitions.json_path import child
from definitions.report import Report


def named(value: Any, path: str, report: Report) -> Iterator[tuple[str, str]]:
    """Each dotted path in the texts of a value, with the place of its text, in order.

    A text that cannot be read is in the report when its turn comes, as `expression-invalid`.
    """
    if isinstance(value, str):
        try:
            found = paths.references(value)
        except ValueError as error:
            report.add("expression-invalid", path, str(error)[:300])
            return
        yield from ((dotted, path) for dotted in found)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from named(item, child(path, key), report)
