"""The one definition model: what every dialect compiles to and the interpreter runs.

A `Definition` holds a `Block`; a block is a set of named steps and the one it starts with. Steps are a closed union,
told apart by `kind`; adding a kind is one class here, one line in `Step`, one file in `worker/steps/` and one line in
its table. Durations are seconds. `schema.json` is generated from this module (`make schema`).

The kinds, and what they are for:

    call       run an executor (an activity): HTTP, AWS Lambda, a team's own, …
    assign     compute a value without any side effect
    wait       park until events arrive, or a deadline passes; addressed to this run, or found by name and key
    send       send an event to whichever run waits for its name and key
    publish    publish an event: every workflow that listens to its name is started
    store      read or change one value of the organisation's durable state
    code       run a handler written in JavaScript, one new step of it at a time
    sleep      park for a time
    children   start runs of other definitions and wait for them
    parallel   run several blocks at once
    each       run one block for every item of a list
    group      run one block inside
    route      go to the step that a value names
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


class StatusWords(_Model):
    """What is put at `path` in the run's data when a step has succeeded, and when it has failed."""

    path: Annotated[list[str], Field(min_length=1)]
    success: str
    failure: str


class Save(_Model):
    """Where a step's input and output are put in the run's data; each is a list of keys from the root.

    `error` gets {code, message} when the step fails, or what its `failure` gives. What is saved of a failure is seen by
    the steps that follow, not by the expressions of the step itself.
    """

    input: list[str] | None = None
    output: list[str] | None = None
    error: list[str] | None = None
    status: StatusWords | None = None


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
    #: Code of a failure -> the step to go to, rather than to `on_error`.
    on_errors: dict[str, str] = {}
    #: Fails the step after all if it gives a text, the reason, over the data, the step's `input` and its `output`.
    check: Expression | None = None
    #: Computes the step's output from the data, its `input`, and `output`: what it would be otherwise.
    result: Expression | None = None
    #: Computes what is saved of a failure from the data and `failure` = {code, message}.
    failure: Expression | None = None

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
    #: Computes the config from the run's data; what it gives stands in place of `config`. With "input" the step's input
    #: is the config, and the executor is given no other.
    config_from: Expression | Literal["input"] | None = None
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

    `need` is `all`, `any` or a number of distinct names. An event is consumed by one visit of one wait. `events_from`
    computes the names, one text or a list of texts, when the wait begins. `filter` sees the run's data and `event` =
    {name, payload, id, source, receivedAt}; an event that it rejects stays for other waits (`keep`) or is used up
    (`discard`). One that it cannot be computed for is refused to its sender (`refuse`), or fails the step (`fail`).

    With a `processor`, one event is needed. Whatever comes is taken, and the block run over it, with `event` in its
    data. Then `accept`, over the data, `event` and `processed` = {output}, tells whether that was what is waited for;
    if not, the event is used up and the wait goes on, with the same deadline, which passes in between only.

    Output: `merge` = the payload objects merged in the order of `events`; `first` = the payload of the first event to
    arrive; `events` = {name: payload}; `event` = {event, correlationKey, payload, timedOut} of the first event to
    arrive, also when the deadline passed and the run goes on; `message` = {event, processed, timedOut}, in which
    `event` is as the filter sees it, and it and `processed` may be null.
    """

    kind: Literal["wait"] = "wait"
    events: list[str] = []
    events_from: Expression | None = None
    need: Literal["all", "any"] | Annotated[int, Field(ge=1)] = "all"
    filter: Expression | None = None
    on_reject: Literal["keep", "discard"] = "keep"
    on_filter_error: Literal["refuse", "fail"] = "refuse"
    processor: Block | None = None
    accept: Expression | None = None
    payload: PayloadRule = PayloadRule()
    deadline: Deadline | None = None
    output: Literal["merge", "first", "events", "event", "message"] = "merge"
    #: None: the wait takes events that are addressed to this run only.
    correlation: Correlation | None = None

    @model_validator(mode="after")
    def _names_are_distinct_and_enough(self) -> WaitStep:
        if bool(self.events) == (self.events_from is not None):
            raise ValueError("either `events` or `events_from`")
        if len(set(self.events)) != len(self.events):
            raise ValueError("an event is named twice")
        if self.events and isinstance(self.need, int) and self.need > len(self.events):
            raise ValueError("`need` asks for more events than are named")
        if self.correlation is not None and (self.need not in ("any", 1) and len(self.events) > 1):
            # Else a wait that ends unsatisfied would hold events that others wait for.
            raise ValueError("a wait with `correlation` is satisfied by one event: `need` is `any` or 1")
        return self

    @model_validator(mode="after")
    def _one_event_is_processed(self) -> WaitStep:
        if self.processor is not None and (self.need not in ("any", 1) or self.filter is not None):
            raise ValueError("a wait with a `processor` needs one event, and has `accept` rather than `filter`")
        if self.processor is None and self.accept is not None:
            raise ValueError("`accept` belongs to `processor`")
        return self


class SendStep(_Step):
    """Send an event by name and key; it is kept for its retention if nobody waits. Output: {event_id, duplicate}."""

    kind: Literal["send"] = "send"
    event: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
    payload: Expression | None = None
    key: Expression | None = None
    idempotency_key: Expression | None = None
    deliver: Literal["one", "all"] = "one"


class PublishStep(_Step):
    """Publish an event: it starts a run of every definition that listens to it. Output: {event_id, started: run ids},
    and `refused`: [{definition_id, definition_name, reason}] if its payload does not fit all of them.

    With `key` the event is also sent to the run that waits for name and key (`posted`: {outcome, runs}). With `target`,
    a run's id, it is delivered to that run (`delivered`: {status, step, completed}) and starts nothing. With `watch`
    the step fails (`event-loop`) once too many runs of this definition have led to this one. A `dry` one only computes
    what it would publish: {event, payload, emitted: false}.
    """

    kind: Literal["publish"] = "publish"
    event: Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)] | Expression
    payload: Expression | None = None
    watch: bool = False
    dry: bool = False
    key: Expression | None = None
    target: Expression | None = None

    @model_validator(mode="after")
    def _one_address(self) -> PublishStep:
        if self.key is not None and self.target is not None:
            raise ValueError("either `key` or `target`")
        return self


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


Strategy = Literal["wait_all", "fail_fast", "best_effort", "race"]


class _InnerBlocks(_Step):
    """A step with blocks inside. `within` is how many seconds it may take in all.

    With `report` the output is {outputs, failures, total, completed, failed}: what the blocks have given, and {code,
    message} of those that have failed, by their names.
    """

    within: float | Expression | None = None
    report: bool = False


class ParallelStep(_InnerBlocks):
    """Run blocks at once, at most `at_once`. Output: {branch: its output}; `race` gives only the winner's.

    `wait_all` runs all to their end and then fails if one failed; `fail_fast` stops at the first failure; `best_effort`
    succeeds if one did; `race` takes the first success and stops the others.
    """

    kind: Literal["parallel"] = "parallel"
    branches: Annotated[dict[str, Block], Field(min_length=1, max_length=500)]
    strategy: Strategy = "wait_all"
    at_once: int | None = Field(default=None, ge=1, le=500)


class EachStep(_InnerBlocks):
    """Run `body` for every item of `items`, at most `at_once`; the item and its index are in the body's data.

    Items that `filter`, over the item and its index, rejects are left out; the index counts those that are left.
    Strategies are as in `parallel`. Output: list of outputs, null for an item that has none; blocks are named by index.
    """

    kind: Literal["each"] = "each"
    items: Expression
    filter: Expression | None = None
    body: Block
    item_as: str = "item"
    index_as: str = "index"
    at_once: int = Field(default=1, ge=1, le=500)
    strategy: Strategy = "fail_fast"


class GroupStep(_InnerBlocks):
    """Run one block inside. Output: what the block gives; the report's name for it is `body`."""

    kind: Literal["group"] = "group"
    body: Block


class RouteStep(_Step):
    """Go to the step that `routes` has for a value: a text, or the JSON text of something else. No such route, and no
    `otherwise`, fails the step (`route-unknown`). Output: {value, route}."""

    kind: Literal["route"] = "route"
    value: Expression
    routes: dict[str, str] = {}
    otherwise: str | None = None


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
    | PublishStep
    | StoreStep
    | CodeStep
    | BranchesStep
    | SleepStep
    | ChildrenStep
    | ParallelStep
    | EachStep
    | GroupStep
    | RouteStep
    | EndStep,
    Field(discriminator="kind"),
]


class Block(_Model):
    """Named steps, of which `start` is the first to run.

    The output of a block is that of the step that ran last; or what `result` gives over the data, and `own`: that part
    of it which belongs to the block alone.
    """

    start: str
    steps: Annotated[dict[str, Step], Field(min_length=1)]
    result: Expression | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> Block:
        for name, step in self.steps.items():
            deadline = step.deadline if isinstance(step, WaitStep) else None
            targets = {"next": step.next, "on_error": step.on_error, "deadline.step": deadline and deadline.step}
            targets |= {f"on_errors.{code}": to for code, to in step.on_errors.items()}
            if isinstance(step, RouteStep):
                targets |= {"otherwise": step.otherwise, **{f"routes.{key}": to for key, to in step.routes.items()}}
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
    #: What the run's data begins with, before its input is put into it.
    data: dict[str, Any] = {}
    #: Where the run's id is put in its data, and in which form.
    save_run_id: list[str] | None = None
    run_id_form: Literal["uuid", "ksuid"] = "uuid"
    #: Roots of the data, objects, to which the blocks inside add entries, rather than hide the root from their steps.
    merged: list[str] = []
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


WaitStep.model_rebuild()
ParallelStep.model_rebuild()
EachStep.model_rebuild()
GroupStep.model_rebuild()
Definition.model_rebuild()
