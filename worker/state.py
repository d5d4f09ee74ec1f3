"""The state of a run: everything that continue-as-new and resume carry, in one serializable object.

Temporal takes 2 MB as a workflow's input, so every part of the state is bounded in bytes, and a large state travels
compressed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from temporalio.converter import value_to_type

from definitions.contract import StepRecord
from worker.waits import WaitState

#: Step records that a run keeps; older ones remain in Temporal's history of the earlier runs of the chain.
RECORD_LIMIT = 1_000
#: Older records than those, kept for open waits, that are looked through each time; more are every so many records.
FEW = 100
#: Bytes of inputs and outputs that all step records keep together; the oldest records give theirs up first.
RECORD_BYTES = 512_000
#: Bytes of data, as JSON, that a run keeps.
DATA_BYTES = 1_000_000
#: Bytes of a dumped state that can be carried: what Temporal takes as input, less room for the definition.
CARRIED_BYTES = 1_500_000
#: Bytes above which the state travels compressed; smaller ones can be read in the Web UI.
PACK_BYTES = 100_000

#: About the bytes of what is shown of an open wait, with its record.
WAIT_BYTES = 1_000

_FIELDS_OF_RECORDS = frozenset(StepRecord.__dataclass_fields__)

LEFT_OUT = "input and output are left out here; they are in Temporal's history"


def size(value: Any) -> int:
    """Bytes of a value as JSON, as Temporal is given it."""
    return len(json.dumps(value, separators=(",", ":")))


def read_records(records: Iterable[dict[str, Any]]) -> list[StepRecord]:
    """Step records out of JSON. Not by their types: that takes a hundred times as long, and there may be thousands."""
    return [StepRecord(**{name: record[name] for name in record.keys() & _FIELDS_OF_RECORDS}) for record in records]


@dataclass
class Frame:
    """Where one block is: its cursor, and what the visit at the cursor has to remember.

    `entered` tells that the visit at the cursor has begun, so that it goes on, under the same number, when the state is
    taken up again. `memory` belongs to the step's kind. `frames` are the blocks inside that step. `turn` is a part of
    every visit's id: it tells the blocks of several visits of the steps around apart.
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
    #: A block inside a step has ended: nothing but its output is needed while its siblings go on.
    ended: bool = False
    turn: str = ""

    @staticmethod
    def load(value: dict[str, Any]) -> Frame:
        """A frame, and those inside it, out of JSON; see `read_records`."""
        known = {name: value[name] for name in value.keys() & Frame.__dataclass_fields__.keys()}
        return Frame(**known | {"frames": {name: Frame.load(one) for name, one in value.get("frames", {}).items()}})

    def end(self) -> None:
        """Forget what an ended block needs no more: a step may have thousands of blocks inside."""
        self.ended = True
        self.data, self.visits, self.memory, self.frames = {}, {}, {}, {}

    def data_size(self) -> int:
        """Bytes of the data here and in the blocks inside, and of what steps keep while they are visited."""
        inside = sum(frame.data_size() for frame in self.frames.values())
        kept = sum(size(self.memory[name]) for name in ("done", "failed", "branches") if name in self.memory)
        return size(self.data) + kept + inside + (size(self.output) if self.ended else 0)

    def prepare_resume(self) -> None:
        """Make the visit at the cursor, and those inside it, ready to be tried again after the run was closed.

        A visit that parked begins anew, with a new deadline. One that called goes on under its number, so that what it
        calls sees the same idempotency key.
        """
        self.error = None
        self.memory.pop("hook", None)
        self.memory.pop("within", None)
        if self.memory.pop("parked", False):
            self.entered = False
            self.memory = {}
        for child in self.memory.get("children", {}).values():
            if child["status"] in ("failed", "cancelled"):
                child["status"] = "to resume"
        for frame in self.frames.values():
            frame.prepare_resume()


@dataclass
class StoredValues:
    """What the branches of a run share. `answers` are those given to changes that may come again."""

    values: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)


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
    record_bytes: int = 0
    data_bytes: int = 0
    #: Attempts begun, and when the next one begins while it is awaited.
    attempts: int = 1
    retry_at: str | None = None
    store: StoredValues = field(default_factory=StoredValues)
    error_code: str | None = None
    paused: bool = False

    def dump(self) -> dict[str, Any]:
        """The state as JSON; `{"packed": …}` if it is large."""
        state = asdict(self)
        text = json.dumps(state)
        if len(text) <= PACK_BYTES:
            return state
        return {"packed": base64.b64encode(zlib.compress(text.encode(), 6)).decode()}

    @staticmethod
    def load(value: dict[str, Any]) -> RunState:
        if "packed" in value:
            value = json.loads(zlib.decompress(base64.b64decode(value["packed"])))
        few = value | {"frame": {"cursor": None}, "records": []}
        state: RunState = value_to_type(RunState, few)
        state.frame, state.records = Frame.load(value["frame"]), read_records(value.get("records", []))
        return state

    def shown_bytes(self) -> int:
        """About the bytes of what can be asked of the run."""
        return self.data_bytes + self.record_bytes + size(self.output) + WAIT_BYTES * len(self.waits.open)

    def prepare_resume(self) -> None:
        """Make the state of a failed or cancelled run the start of a new one. Events it held are kept."""
        for wait in list(self.waits.open):
            self.waits.inbox.extend(wait.given_back())
            self.waits.open.remove(wait)
        self.waits.inbox.sort(key=lambda event: event.seq)
        self.waits.expected = []
        self.status, self.error, self.error_code, self.output = "running", None, None, None
        self.paused = False
        self.attributes = []
        self.attempts, self.retry_at = 1, None
        self.frame.prepare_resume()

    def record(self, record: StepRecord) -> None:
        """Keep a record, within the bounds."""
        record.attempt = self.attempts
        self.recorded += 1
        record.number = self.recorded
        self.records.append(record)
        self.record_bytes += _payload_bytes(record)
        for old in self.records:
            if self.record_bytes <= RECORD_BYTES:
                break
            self._strip(old)
        if len(self.records) > RECORD_LIMIT:
            self._forget()

    def _forget(self) -> None:
        """Drop the record that is one too many, unless it tells that a wait is open: many events may come meanwhile.
        There may be thousands of those, so that they are looked through only now and then."""
        end = len(self.records) - RECORD_LIMIT
        first = 0 if end <= FEW or self.recorded % FEW == 0 else end - 1
        old = self.records[first:end]
        some_wait = any(record.status == "incomplete" for record in old)
        waiting = {wait.id for wait in self.waits.open} if some_wait else set()
        kept = [record for record in old if record.status == "incomplete" and record.id in waiting]
        self.record_bytes -= sum(map(_payload_bytes, old)) - sum(map(_payload_bytes, kept))
        self.records[first:end] = kept

    def _strip(self, record: StepRecord) -> None:
        freed = _payload_bytes(record)
        if freed:
            self.record_bytes -= freed
            record.has_input = record.has_output = False
            record.input = record.output = None
            record.logs = []
            record.warnings.append(LEFT_OUT)


def _payload_bytes(record: StepRecord) -> int:
    parts = [record.input] * record.has_input + [record.output] * record.has_output + [record.logs] * bool(record.logs)
    return sum(size(part) for part in parts)
