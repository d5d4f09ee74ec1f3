"""`runChildJob`: the config of its children, and where `forEach.arrayPath` leads.

The vendor writes paths as `<step>.output.items`; the run's data has that output at `<step>Output`. Both forms are
taken, as are `<step>.input` and `workflowInput`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Any

from definitions.dialects.justworkflowit import checks
from definitions.dialects.justworkflowit.problems import Report
from definitions.json_path import child
from definitions.model import Child, DefinitionRef, Expression

CODES = ("config-key-unknown", "config-key-missing")
SELECTORS = ("tag", "versionId", "versionNumber")
CHILDREN_LIMIT = 1000

_TAG = re.compile(r"\$[A-Z_]+")
_PATH = re.compile(r"[^.${}]+(\.[^.${}]+)*")


def check_children(config: dict[str, Any], path: str, report: Report) -> None:
    if not checks.check_keys(config, ("children",), ("children",), path, report, CODES):
        return
    children, at = config["children"], child(path, "children")
    if not isinstance(children, list) or not 0 < len(children) <= CHILDREN_LIMIT:
        report.add("config-value-invalid", at, f"expected a list of 1 to {CHILDREN_LIMIT} children")
        return
    good = [_check_child(item, child(at, index), report) for index, item in enumerate(children)]
    if not all(good):
        return
    ids = child_ids(children)
    lists = {name for name, item in zip(ids, children, strict=True) if "forEach" in item}
    for index, name in enumerate(ids):
        if name in ids[:index]:
            report.add("child-id-repeated", child(at, index), f"there are two children {name[:80]!r}")
        elif _item_of(name) in lists:
            message = f"{name[:80]!r} is what an item of the list {_item_of(name)[:80]!r} is called"
            report.add("child-id-repeated", child(at, index), message)


def _check_child(item: Any, path: str, report: Report) -> bool:
    if not checks.is_object(item, path, report, "config-value-invalid"):
        return False
    before = len(report.problems)
    known = ("id", "workflowName", "workflowVersion", "forEach")
    checks.check_keys(item, known, known[1:3], path, report, CODES)
    for key in ("id", "workflowName"):
        if key in item:
            checks.is_name(item[key], child(path, key), report, "config-value-invalid")
    if "workflowVersion" in item:
        _check_selector(item["workflowVersion"], child(path, "workflowVersion"), report)
    if "forEach" in item:
        _check_for_each(item["forEach"], child(path, "forEach"), report)
    return len(report.problems) == before


def _check_selector(value: Any, path: str, report: Report) -> None:
    if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in SELECTORS:
        report.add("child-selector-invalid", path, f"expected exactly one of {', '.join(SELECTORS)}")
        return
    key, selected = next(iter(value.items()))
    at = child(path, key)
    if key == "versionNumber":
        checks.is_whole(selected, 1, 2**31, at, report, "config-value-invalid")
    elif key == "tag" and not (isinstance(selected, str) and len(selected) <= 100 and _TAG.fullmatch(selected)):
        report.add("config-value-invalid", at, "expected a tag such as $LIVE")
    else:
        checks.is_name(selected, at, report, "config-value-invalid")


def _check_for_each(value: Any, path: str, report: Report) -> None:
    if not checks.is_object(value, path, report, "config-value-invalid"):
        return
    if checks.check_keys(value, ("arrayPath",), ("arrayPath",), path, report, CODES):
        array_path = value["arrayPath"]
        if not isinstance(array_path, str) or len(array_path) > 1000 or not _PATH.fullmatch(array_path):
            report.add("config-value-invalid", child(path, "arrayPath"), "expected a dotted path")


def _item_of(name: str) -> str:
    """The child of which this may be the name of one item: the items of `all` are `all/0`, `all/1` and so on."""
    head, _, index = name.rpartition("/")
    return head if index.isascii() and index.isdigit() else ""


def child_ids(children: list[dict[str, Any]]) -> list[str]:
    """The ids of the children: as given, else the workflow's name, with the position where that is not unique."""
    names = Counter(item["workflowName"] for item in children if "id" not in item)
    return [
        str(item.get("id") or (name if names[name := item["workflowName"]] == 1 else f"{name}-{position}"))
        for position, item in enumerate(children, start=1)
    ]


def data_path(array_path: str, steps: Collection[str]) -> str:
    """The path in the run's data that an `arrayPath` means."""
    first, _, rest = array_path.partition(".")
    kind, _, tail = rest.partition(".")
    if first in steps and kind in ("input", "output"):
        return f"{first}{kind.capitalize()}" + (f".{tail}" if tail else "")
    return array_path


def compile_children(children: list[dict[str, Any]], steps: Collection[str]) -> list[Child]:
    return [
        Child(id=name, definition=_reference(item), for_each=_for_each(item, steps))
        for name, item in zip(child_ids(children), children, strict=True)
    ]


def _reference(item: dict[str, Any]) -> DefinitionRef:
    version = item["workflowVersion"]
    number = version.get("versionNumber")
    return DefinitionRef(
        name=item["workflowName"],
        tag=version.get("tag"),
        version_number=None if number is None else int(number),
        version_id=version.get("versionId"),
    )


def _for_each(item: dict[str, Any], steps: Collection[str]) -> Expression | None:
    if "forEach" not in item:
        return None
    return Expression(language="path", source=f"${{{data_path(item['forEach']['arrayPath'], steps)}}}")
