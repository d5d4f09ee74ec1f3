"""Histories without what belongs to the machine that recorded them, or to nobody."""

from __future__ import annotations

from typing import Any

#: Who did something where, and what replaying does not look at.
DROPPED = frozenset(
    {
        "identity",
        "stackTrace",
        "taskId",
        "historySizeBytes",
        "meteringMetadata",
        "sdkName",
        "sdkVersion",
        "workerVersion",
        "binaryChecksum",
        "requestId",
        "eventLinks",
        "links",
        "inheritedBuildId",
        "workerInstanceKey",
        "workerControlTaskQueue",
        "prevAutoResetPoints",
    }
)


def cleaned(value: Any) -> Any:
    """A part of a history as JSON, without what is dropped; and a sticky queue without its machine's name."""
    if isinstance(value, list):
        return [cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: cleaned(item) for key, item in value.items() if key not in DROPPED}
    if kept.get("kind") == "TASK_QUEUE_KIND_STICKY":
        return {"name": kept.get("normalName", "sticky"), "kind": kept["kind"]}
    return kept
