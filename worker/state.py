"""The state of a run: everything that continue-as-new and resume carry, in one serializable object."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from temporalio.converter import value_to_type

from definitions.contract import StepRecord
from worker.waits import WaitState

#: Step records that a run keeps; older ones remain in Temporal's history of the earlier runs of the chain.
RECORD_LIMIT = 1_000


@dataclass
class Frame:
    """Where one block is: its cursor, and what the visit at the cursor has to remember.

    `entered` tells that the visit at the cursor has begun, so that it goes on, under the same number, when the state is
    taken up again. `memory` belongs to the step's kind. `frames` are the blocks inside that step.
    """

    cursor: str | None
    data: dict[str, Any] = field(default_factory=dict)
    visits: dict[str, int] = field(default_factory=dict)
    last: str | None = None
    output: Any = None
    entered: bool = False
    entered_at: str = ""
    memory: dict[str, Any] = field(default_factory=dict)
    frames: dict[str, Frame] = field(default_factory=dict)
    #: Why a block inside a step has failed: kept while its siblings go on.
    error: list[str] | None = None

    def prepare_resume(self) -> None:
        """Make the visit at the cursor, and those inside it, ready to be tried again after the run was closed.

        A visit that parked begins anew, with a new deadline. One that called goes on under its number, so that what it
        calls sees the same idempotency key.
        """
        self.error = None
        if self.memory.pop("parked", False):
            self.entered = False
            self.memory = {}
        for child in self.memory.get("children", {}).values():
            if child["status"] in ("failed", "cancelled"):
                child["status"] = "to resume"
        for frame in self.frames.values():
            frame.prepare_resume()


@dataclass
class RunState:
    frame: Frame
    waits: WaitState = field(default_factory=WaitState)
    records: list[StepRecord] = field(default_factory=list)
    recorded: int = 0
    status: str = "running"
    error: str | None = None
    output: Any = None
    attributes: list[Any] = field(default_factory=list)

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def load(value: dict[str, Any]) -> RunState:
        state: RunState = value_to_type(RunState, value)
        return state

    def prepare_resume(self) -> None:
        """Make the state of a failed or cancelled run the start of a new one. Events it held are kept."""
        for wait in list(self.waits.open):
            self.waits.inbox.extend(wait.received)
            self.waits.open.remove(wait)
        self.waits.inbox.sort(key=lambda event: event.seq)
        self.status, self.error, self.output = "running", None, None
        self.attributes = []
        self.frame.prepare_resume()

    def record(self, record: StepRecord) -> None:
        self.recorded += 1
        self.records.append(record)
        del self.records[:-RECORD_LIMIT]
