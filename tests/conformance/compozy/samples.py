"""Workflows as tests need them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def workflow(name: str, *tasks: Json, **more: Any) -> Json:
    return {"id": name, "tasks": list(tasks), **more}


def wait(name: str = "gate", signal: str = "go", following: str | None = None, **more: Any) -> Json:
    task = {"id": name, "type": "wait", "wait_for": signal, **more}
    return task if following is None else task | {"on_success": {"next": following}}


def gives(name: str, outputs: Json, following: str | None = None, **more: Any) -> Json:
    task = {"id": name, "type": "aggregate", "outputs": outputs, **more}
    return task if following is None else task | {"on_success": {"next": following}}


def gate(name: str = "gate-flow", **more: Any) -> Json:
    """One wait for `go`, and a task that tells what came."""
    return workflow(
        name,
        wait(following="told"),
        gives("told", {"answer": "{{ .tasks.gate.output.signal.payload }}"}),
        outputs={"answer": "{{ .tasks.gate.output.signal.payload }}"},
        **more,
    )


def quick(name: str = "quick", **more: Any) -> Json:
    return workflow(name, gives("hello", {"text": "hello {{ .workflow.input.name }}"}), **more)
