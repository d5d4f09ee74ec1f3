"""What a state that is taken up again needs before any message is handled: the rules of its open waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from definitions.model import Block, BranchesStep, CodeStep, EachStep, GroupStep, ParallelStep, WaitStep
from worker.state import Frame
from worker.steps import branches, code, wait
from worker.steps.base import Run, Visit

_TAKE_UP: dict[type, Callable[[Visit, Any], None]] = {
    WaitStep: wait.take_up,
    CodeStep: lambda visit, step: code.take_up(visit),
    BranchesStep: lambda visit, step: branches.take_up(visit),
}


def govern_waits(run: Run, block: Block, frame: Frame, outer: tuple[Frame, ...] = (), path: str = "") -> None:
    """Give the waits of a block, and of the blocks inside it, their rules: Temporal hands messages to a run before its
    steps go on, and an event that a wait refuses may not satisfy it."""
    name = frame.cursor
    if name is None:
        return
    step = block.steps[name]
    if isinstance(step, (WaitStep, CodeStep, BranchesStep)) and frame.entered:
        visit = Visit(run, name, frame.visits[name], path, frame, outer, step.label, None)
        _TAKE_UP[type(step)](visit, step)
    for key, inner in frame.frames.items():
        inside = _block(step, key)
        if inside is not None:
            govern_waits(run, inside, inner, (*outer, frame), f"{path}{name}/{key}/")


def _block(step: object, key: str) -> Block | None:
    if isinstance(step, ParallelStep):
        return step.branches[key]
    if isinstance(step, WaitStep):
        return step.processor
    return step.body if isinstance(step, EachStep | GroupStep) else None
