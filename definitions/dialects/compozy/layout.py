"""The tasks of a workflow and those inside them, each with its id: found before any of them is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from definitions.dialects.compozy import checks
from definitions.dialects.compozy.scope import plain
from definitions.dialects.compozy.words import KIND_KEYS, UNSUPPORTED_KINDS
from definitions.json_path import child
from definitions.report import Report

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")


@dataclass(frozen=True)
class Task:
    """A task as it is written, at `path`. `following` is the task that comes next in the file, where that counts."""

    id: str
    kind: str
    raw: dict[str, Any]
    path: str
    following: str | None = None


def read_task(raw: Any, path: str, report: Report, default_id: str | None = None) -> Task | None:
    """A task whose id and type are right; else None, and what is wrong is in the report."""
    if not checks.is_object(raw, path, report, "task-invalid"):
        return None
    name, kind = raw.get("id", default_id), raw.get("type", "basic")
    good = isinstance(name, str) and _ID.fullmatch(name) is not None
    message = "expected an `id` of 1 to 100 letters, digits, `-` and `_`"
    if not checks.expect(good, child(path, "id"), report, "task-id-invalid", message):
        return None
    at = child(path, "type")
    if kind in UNSUPPORTED_KINDS:
        report.add("task-type-unsupported", at, f"tasks of type {kind} are not supported by Tidegate", unsupported=True)
    elif not isinstance(kind, str) or kind not in KIND_KEYS:
        report.add("task-type-unknown", at, f"expected one of {', '.join(KIND_KEYS)}")
    else:
        return Task(str(name), kind, raw, path)
    return None


def inner(task: Task) -> Iterator[tuple[Any, str, str | None]]:
    """What is written as tasks inside of a task: each with its path, and the id that it has if it names none."""
    raw = task.raw
    if task.kind in ("parallel", "composite", "collection") and isinstance(raw.get("tasks"), list):
        for index, one in enumerate(raw["tasks"]):
            yield one, child(child(task.path, "tasks"), index), None
    if task.kind == "collection" and raw.get("task") is not None:
        yield raw["task"], child(task.path, "task"), f"{task.id}-item"
    if task.kind == "wait" and raw.get("processor") is not None:
        yield raw["processor"], child(task.path, "processor"), f"{task.id}-processor"
    if task.kind == "router" and isinstance(raw.get("routes"), dict):
        for value, one in raw["routes"].items():
            if isinstance(one, dict):
                yield one, child(child(task.path, "routes"), value), f"{task.id}-{plain_word(value)}"


def plain_word(value: str) -> str:
    """A route's value as a part of an id."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", value)[:50]


def all_tasks(raw: list[Any], path: str, report: Report) -> dict[str, tuple[str, str]]:
    """Id and type of every task of a workflow, by the id made plain. Ids that two tasks have are in the report."""
    found: dict[str, tuple[str, str]] = {}
    pending: list[tuple[Any, str, str | None]] = [(one, child(path, index), None) for index, one in enumerate(raw)]
    silent = Report(report.codes)
    while pending:
        one, where, default_id = pending.pop(0)
        task = read_task(one, where, silent, default_id)
        if task is None:
            continue
        if plain(task.id) in found:
            report.add("task-id-repeated", child(where, "id"), f"{task.id!r} is the id of another task")
        found[plain(task.id)] = task.id, task.kind
        pending += list(inner(task))
    return found
