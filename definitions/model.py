"""The one definition model: what every dialect compiles to and the interpreter runs.

A `Definition` holds a `Block`; a block is a set of named steps and the one it starts with. Steps are a closed union,
told apart by `kind`; adding a kind is one class here, one line in `Step`, one file in `worker/steps/` and one line in
its table. Durations are seconds. `schema.json` is generated from this module (`make schema`).

The kinds, and what they are for:

    call       run an executor (an activity): HTTP, AWS Lambda, a team's own, …
    assign     compute a value without any side effect
    wait       park until events arrive, or a deadline passes; addressed to this run, or found by name and key
    send       send an event to whichever run waits for its name and key
    store      read or change one value of the organisation's durable state
    code       run a handler written in JavaScript, one new step of it at a time
    sleep      park for a time
    children   start runs of other definitions and wait for them
    parallel   run several blocks at once
    each       run one block for every item of a list
    end        finish the run with an outcome

Transitions are on every step: `next` names the following step, or is an expression that does; none ends the block.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

NAME_LIMIT = 200
#: Seconds that Temporal can tell from none, and a century.
SHORTEST, LONGEST = 0.001, 3_155_760_000.0


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expression(_Model):
    """Code in one of the languages of `definitions.expressions.LANGUAGES`."""

    language: str
    source: Any = None


class RetryPolicy(_Model):
    """How a failing call is repeated; these are Temporal's own retry policy fields."""

    maximum_attempts: int = Field(default=1, ge=1, le=1000)
    initial_interval: float = Field(default=1.0, ge=SHORTEST, le=LONGEST)
    backoff_coefficient: float = Field(default=2.0, ge=1, le=1000)
    maximum_interval: float = Field(default=100.0, ge=SHORTEST, le=LONGEST)


class Save(_Model):
    """Where a step's input and output are put in the run's data; each is a list of keys from the root."""

    input: list[str] | None = None
    output: list[str] | None = None


class _Step(_Model):
    #: The name the vendor gives this kind of step; shown to operators and returned in step records.
    label: str | None = None
    #: Computes the step's input from the run's data. None: the step has no input.
    input: Expression | None = None
    save: Save = Save()
    #: The step that follows; an expression must yield a step's name or null.
    next: str | Expression | None = None
    #: The step to go to when this one fails. None: the block fails.
    on_error: str | None = None

    @model_serializer(mode="wrap")
    def _keep_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`kind` is written even where defaults are left out, since it tells the steps apart when they are read."""
        return {"kind": getattr(self, "kind", None), **handler(self)}

    def model_post_init(self, context: Any, /) -> None:
        # What tells the kinds apart is always written, though it is a default.
        self.__pydantic_fields_set__.add("kind")


class CallStep(_Step):
    """Run an executor as a Temporal activity."""

    kind: Literal["call"] = "call"
    executor: str
    config: dict[str, Any] = {}
    #: Computes the config from the run's data; what it gives stands in place of `config`.
    config_from: Expression | None = None
    #: Slot in the call -> name of an organisation secret, read by the worker just before the call.
    secrets: dict[str, str] = {}
    retry: RetryPolicy = RetryPolicy()
    timeout: float = Field(default=900.0, ge=SHORTEST, le=LONGEST)


class AssignStep(_Step):
    """Compute a value; without `value` the output is the step's input."""

    kind: Literal["assign"] = "assign"
    value: Expression | None = None


class Deadline(_Model):
    """How long a wait lasts, in seconds, and what happens then. `step` belongs to `goto`."""

    after: float | Expression
    then: Literal["fail", "continue", "cancel", "goto"] = "fail"
    step: str | None = None

    @model_validator(mode="after")
    def _goto_names_a_step(self) -> Deadline:
        if (self.then == "goto") != (self.step is not None):
            raise ValueError("`step` is given exactly when `then` is `goto`")
        return self


class PayloadRule(_Model):
    """What the events of a wait may carry.

    `schema_` is a JSON Schema of one event's payload, `merged` of the final output; a `$ref` to `#/definitions/<name>`
    means the definition's own `schemas`. `merged` is looked at only if some event carried a payload.
    """

    object_only: bool = False
    schema_: dict[str, Any] | None = Field(default=None, alias="schema")
    merged: dict[str, Any] | None = None
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Correlation(_Model):
    """Makes a wait take events that are sent by name and key, with no run named. No `key`: only events without one."""

    key: Expression | None = None


class WaitStep(_Step):
    """Park until enough of the named events have come.

    `need` is `all`, `any` or a number of distinct names. An event is consumed by one visit of one wait. `filter` sees
    the run's data and `event` = {name, payload}; an event that it rejects stays for other waits (`keep`) or is used up
    (`discard`). Output: `merge` = the payload objects merged in the order of `events`; `first` = the payload of the
    first event to arrive; `events` = {name: payload}; `event` = {event, correlationKey, payload, timedOut} of the first
    event to arrive, also when the deadline passed and the run goes on.
    """

    kind: Literal["wait"] = "wait"
    events: Annotated[list[str], Field(min_length=1)]
    need: Literal["all", "any"] | Annotated[int, Field(ge=1)] = "all"
    filter: Expression | None = None
    on_reject: Literal["keep", "discard"] = "keep"
    payload: PayloadRule = PayloadRule()
    deadline: Deadline | None = None
    output: Literal["merge", "first", "events", "event"] = "merge"
    #: None: the wait takes events that are addressed to this run only.
    correlation: Correlation | None = None

    @model_validator(mode="after")
    def _names_are_distinct_and_enough(self) -> WaitStep:
        if len(set(self.events)) != len(self.events):
            raise ValueError("an event is named twice")
        if isinstance(self.need, int) and self.need > len(self.events):
            raise ValueError("`need` asks for more events than are named")
        if self.correlation is not None and (self.need not in ("any", 1) and len(self.events) > 1):
            # Else a wait that ends unsatisfied would hold events that others wait for.
            raise ValueError("a wait with `correlation` is satisfied by one event: `need` is `any` or 1")
        return self


class SendStep(_Step):
    """Send an event by name and key; it is kept for its retention if nobody waits. Output: {event_id, duplicate}."""

    kind: Literal["send"] = "send"
    event: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
    payload: Expression | None = None
    key: Expression | None = None
    idempotency_key: Expression | None = None
    deliver: Literal["one", "all"] = "one"


class StoreStep(_Step):
    """One operation on a value that all runs of the organisation share.

    `get` gives the value or null; `set` gives nothing; `delete` gives nothing; `increment` adds `value` (1 if none) and
    gives the new number. `expires_after` is in seconds and belongs to `set`.
    """

    kind: Literal["store"] = "store"
    operation: Literal["get", "set", "delete", "increment"]
    key: Expression
    value: Expression | None = None
    expires_after: float | Expression | None = None


class CodeStep(_Step):
    """Run a handler of the given source in the sandbox. `shim` names what the code finds as its API.

    The handler runs from its top once for every new step in it; steps that have ended give their saved output, and a
    wait parks the run. The step's input is the handler's payload; its output is what the handler returns.
    """

    kind: Literal["code"] = "code"
    language: Literal["javascript"] = "javascript"
    shim: str
    handler: str
    source: str
    timeout: float = Field(default=60.0, ge=SHORTEST, le=LONGEST)


class BranchesStep(_Step):
    """Run actions, each an activity of its own, as branches: what an action plans is a branch of its own.

    The actions are the methods of a class (`source`, for the `shim`), or lists of operations by name; exactly one of
    both. `first` gets the step's input, {data, headers}. A plan names an action that is run after a delay, or once a
    link is called; the latter fails the step when the link expires. The step ends when no branch is left, after the
    action `completed`; it fails with the first action that fails without having planned anything, after the action
    `failed`. Its output is what the first action gave: {value} or {value, response}.

    In a `test`, a plan of a link is left out. `secrets` maps what the actions call a secret -> its name.
    """

    kind: Literal["branches"] = "branches"
    first: str = "start"
    shim: str | None = None
    source: str | None = None
    operations: dict[str, list[dict[str, Any]]] | None = None
    completed: str | None = None
    failed: str | None = None
    secrets: dict[str, str] = {}
    test: bool = False
    timeout: float = Field(default=300.0, ge=SHORTEST, le=LONGEST)

    @model_validator(mode="after")
    def _code_or_operations(self) -> BranchesStep:
        if (self.source is None) == (self.operations is None) or (self.source is None) != (self.shim is None):
            raise ValueError("either `source` and `shim`, or `operations`")
        return self


class SleepStep(_Step):
    kind: Literal["sleep"] = "sleep"
    seconds: float | Expression


class DefinitionRef(_Model):
    """Another definition of the same organisation and dialect: by name, and by exactly one of tag, number or id."""

    name: str
    tag: str | None = None
    version_number: int | None = None
    version_id: str | None = None

    @model_validator(mode="after")
    def _one_selector(self) -> DefinitionRef:
        if sum(x is not None for x in (self.tag, self.version_number, self.version_id)) != 1:
            raise ValueError("exactly one of tag, version_number, version_id")
        return self


class Child(_Model):
    """One child run, or one for each item of `for_each` (an expression that yields a list).

    A child's input is its item, or else the step's input.
    """

    id: str
    definition: DefinitionRef
    for_each: Expression | None = None


class ChildrenStep(_Step):
    """Start child runs, all at once, and wait for all; a child that does not succeed fails the step."""

    kind: Literal["children"] = "children"
    children: Annotated[list[Child], Field(min_length=1)]
    #: Whether cancelling this run cancels its children.
    cancel_children: bool = False


class ParallelStep(_Step):
    """Run blocks at once. Output: {branch: its output}; `race` gives only the winner's.

    `wait_all` runs all to their end and then fails if one failed; `fail_fast` stops at the first failure; `best_effort`
    succeeds if one did; `race` takes the first success and stops the others.
    """

    kind: Literal["parallel"] = "parallel"
    branches: Annotated[dict[str, Block], Field(min_length=1, max_length=500)]
    strategy: Literal["wait_all", "fail_fast", "best_effort", "race"] = "wait_all"


class EachStep(_Step):
    """Run `body` for every item of `items`; the item and its index are in the body's data. Output: list of outputs."""

    kind: Literal["each"] = "each"
    items: Expression
    body: Block
    item_as: str = "item"
    index_as: str = "index"
    at_once: int = Field(default=1, ge=1, le=500)


class EndStep(_Step):
    """Finish the whole run. The step's input is the run's output, or, for `failed`, its `message`."""

    kind: Literal["end"] = "end"
    outcome: Literal["succeeded", "failed", "cancelled"] = "succeeded"
    message: str | None = None


Step = Annotated[
    CallStep
    | AssignStep
    | WaitStep
    | SendStep
    | StoreStep
    | CodeStep
    | BranchesStep
    | SleepStep
    | ChildrenStep
    | ParallelStep
    | EachStep
    | EndStep,
    Field(discriminator="kind"),
]


class Block(_Model):
    """Named steps, of which `start` is the first to run."""

    start: str
    steps: Annotated[dict[str, Step], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_exist(self) -> Block:
        for name, step in self.steps.items():
            deadline = step.deadline if isinstance(step, WaitStep) else None
            targets = {"next": step.next, "on_error": step.on_error, "deadline.step": deadline and deadline.step}
            for field, target in targets.items():
                if isinstance(target, str) and target not in self.steps:
                    raise ValueError(f"step {name!r}: {field} names the unknown step {target!r}")
        if self.start not in self.steps:
            raise ValueError(f"start names the unknown step {self.start!r}")
        return self


class Definition(_Model):
    """A compiled definition: it travels in a run's input, so a run never changes under its feet."""

    format: Literal[1] = 1
    dialect: str
    name: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
    body: Block
    #: Where the run's input is put in its data, as in `Save`.
    save_input: Annotated[list[str], Field(min_length=1)] = ["input"]
    #: JSON Schemas that those of the waits, and each other, refer to as `#/definitions/<name>`: each travels once.
    schemas: dict[str, dict[str, Any]] = {}
    #: JSON Schema of the run's input, by itself. None: anything goes.
    input_schema: dict[str, Any] | None = None
    #: How often, and with which pauses, the run is tried again after a failed step; what has been completed stays so.
    attempts: RetryPolicy = RetryPolicy()
    #: The run's output; None: the output of the step that ran last.
    result: Expression | None = None

    def dump(self) -> dict[str, Any]:
        """The definition as JSON, as short as it was given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


ParallelStep.model_rebuild()
EachStep.model_rebuild()
Definition.model_rebuild()
