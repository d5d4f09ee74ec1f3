"""What worker and adapter agree on: names, message payloads and the neutral records of a run.

Append-only: everything here is in recorded histories. New fields need a default; nothing is renamed or removed.
Times are RFC 3339 strings in UTC with microseconds (`2026-01-31T09:30:00.000000Z`).
"""

# Annotations are not postponed here: Temporal's converter evaluates them whenever it reads one of these, and evaluating
# text takes it three times as long.
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

# Workflow types, as operators see them.
RUN_WORKFLOW = "TidegateRun"
RESUME_WORKFLOW = "TidegateResume"
DEFINITION_WORKFLOW = "TidegateDefinition"
VERSION_WORKFLOW = "TidegateVersion"
SECRET_WORKFLOW = "TidegateSecret"

# Messages of ours carry the prefix; every other signal name is an event of that name.
MESSAGE_PREFIX = "tidegate:"
DELIVER = "tidegate:deliver"
CONTINUE_AS_NEW = "tidegate:continue-as-new"
SNAPSHOT = "tidegate:snapshot"
STATE = "tidegate:state"
#: Update of a run, with true or false: begin no further step, or go on.
PAUSE = "tidegate:pause"
#: Query of a run: whether it has taken the delivery of this id.
TOOK = "tidegate:took"
ADD_VERSION = "tidegate:add-version"
SET_TAG = "tidegate:set-tag"
PUT_SECRET = "tidegate:put-secret"

# The key under which our memo entries are found.
MEMO = "tidegate"

RunStatus = Literal["pending", "running", "succeeded", "failed", "cancelled", "scheduled"]
StepStatus = Literal["success", "failure", "incomplete"]


def timestamp(moment: datetime) -> str:
    """A moment as this module writes it."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass
class ParentRef:
    """The run that started this one, and by which of its steps."""

    workflow_id: str
    run_id: str
    step: str
    definition_name: str = ""


@dataclass
class RunFacts:
    """Who a run is: in its input, and in its memo, so that lists and reads need nothing else."""

    organisation: str
    dialect: str
    run_id: str
    definition_id: str
    definition_name: str
    version_id: str
    version_number: int
    created_at: str
    submitted_by: str = ""
    root_run_id: str = ""
    parent: ParentRef | None = None
    #: The request that made this run; a repetition of it is answered as the first was.
    request_id: str = ""
    #: Temporal run id of the closed run that this one resumes.
    resumed_from: str | None = None
    started_at: str | None = None
    #: How many runs are above this one: parents of parents.
    depth: int = 0
    #: The run begins no earlier than this; None: at once.
    start_at: str | None = None
    #: What the caller calls the queue that the run is in: a label.
    queue: str | None = None
    #: Definition id -> how many of the runs above this one, along events and as parents, were of that definition.
    lineage: dict[str, int] = field(default_factory=dict)


@dataclass
class Event:
    """One received event. `payload` counts only if `has_payload`; `source` is `api` or `signal`."""

    id: str
    name: str
    payload: Any = None
    has_payload: bool = False
    source: str = "api"
    received_at: str = ""
    #: Order of arrival within the run; given by the wait machine.
    seq: int = 0
    #: The id of the one wait that this event is for; None: any wait that wants it, now or later.
    wait: str | None = None
    #: [correlation key] of an event that a correlated wait has given back: it is for waits with that key only.
    key: list[str | None] | None = None


@dataclass
class DeliveryOutcome:
    """What became of a delivery: `matched` (a wait took it), `buffered` (kept for a later wait), `discarded` (a wait's
    filter refused it and used it up).

    `step` is the step whose wait took it; `completed` tells whether that wait is now satisfied. A repetition of a
    delivery gets the first one's outcome with `duplicate` set.
    """

    status: Literal["matched", "buffered", "discarded"]
    step: str | None = None
    completed: bool = False
    duplicate: bool = False


@dataclass
class StepRecord:
    """One thing that happened in a run: a visit of a step, or an event received (`source` = `event`)."""

    id: str
    step: str
    visit: int
    status: StepStatus
    label: str | None = None
    source: Literal["engine", "event"] = "engine"
    has_input: bool = False
    input: Any = None
    has_output: bool = False
    output: Any = None
    started_at: str = ""
    ended_at: str = ""
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    event: str | None = None
    next: str | None = None
    #: The attempt of the run that this belongs to.
    attempt: int = 1
    #: What the code of the step has logged, as much as is kept.
    logs: list[str] = field(default_factory=list)
    #: Counts the records of the run from 1; and the code of the failure.
    number: int = 0
    code: str | None = None


@dataclass
class WaitView:
    """An open wait as shown to people. `deadline` None means never."""

    step: str
    visit: int
    events: list[str]
    received: list[str]
    since: str
    deadline: str | None
    on_deadline: str | None
    next: str | None


@dataclass
class RunSnapshot:
    """All that can be asked of a run. `next_step` is the step the run is at; None once it has finished."""

    status: RunStatus
    next_step: str | None
    data: dict[str, Any]
    records: list[StepRecord]
    waits: list[WaitView]
    output: Any = None
    error: str | None = None
    #: Messages that could not be used, newest last: {name, reason, at}.
    quarantined: list[dict[str, Any]] = field(default_factory=list)
    #: The number of the attempt that is under way, or was the last; and when the next one begins, while it is awaited.
    attempts: int = 1
    retry_at: str | None = None
    #: The code of `error`; and whether the run begins no further step until it is told to.
    error_code: str | None = None
    paused: bool = False


@dataclass
class RunInput:
    """The argument of `TidegateRun`. `definition` is a compiled `Definition` as JSON; `state` is carried over.

    An `input` of None is no input.
    """

    definition: dict[str, Any]
    facts: RunFacts
    input: Any = None
    state: dict[str, Any] | None = None
    #: Whether the namespace knows SEARCH_ATTRIBUTES, so that the run may keep them up to date.
    search_attributes: bool = False
    #: Whether `state` is of a closed run that is resumed, rather than of this run continued as new.
    resumed: bool = False


@dataclass
class CallContext:
    """Who calls: given to every executor. `idempotency_key` is the same on every attempt of one visit."""

    organisation: str
    dialect: str
    workflow_id: str
    run_id: str
    definition_id: str
    definition_name: str
    step: str
    visit: int
    idempotency_key: str


@dataclass
class Call:
    """The argument of every executor activity. `secrets` maps slot -> name of the secret, never its value."""

    config: dict[str, Any]
    context: CallContext
    has_input: bool = False
    input: Any = None
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass
class TagMove:
    """Where a tag pointed before it was moved, and when it was."""

    number: int
    at: str


@dataclass
class DefinitionFacts:
    """A definition's entity as its memo shows it. `tags` maps tag -> version number, `moved` tag -> its last move."""

    organisation: str
    dialect: str
    definition_id: str
    name: str
    created_at: str
    request_id: str = ""
    latest: int = 0
    tags: dict[str, int] = field(default_factory=dict)
    moved: dict[str, TagMove] = field(default_factory=dict)


@dataclass
class VersionFacts:
    """One immutable version. `text` is what the user registered; `sha256` of its minified form."""

    definition_id: str
    version_id: str
    number: int
    text: str
    sha256: str
    created_at: str
    request_id: str = ""


@dataclass
class AddVersion:
    """Update of a definition entity: add a version, unless the version tagged `unless_tag` has the same hash."""

    text: str
    sha256: str
    created_at: str
    request_id: str = ""
    unless_tag: str | None = None


@dataclass
class SetTag:
    tag: str
    number: int


#: Update of a definition entity: several changes of its tags at once.
CHANGE_TAGS = "tidegate:change-tags"


@dataclass
class ChangeTags:
    """Set and remove tags in one step; only if the tag `only` is there (else NotFound), and `unless` is not (else
    AlreadyExists)."""

    set: dict[str, int] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    unless: str | None = None
    only: str | None = None


@dataclass
class ResumeInput:
    """The argument of `TidegateResume`: start `run_workflow_id` again from the snapshot of `closed_run_id`."""

    run_workflow_id: str
    closed_run_id: str
    request_id: str = ""
    closed_status: str = ""


@dataclass
class ChildStart:
    """A child that a step is about to start: which definition, with what input."""

    key: str
    definition_name: str
    input: Any = None
    tag: str | None = None
    version_number: int | None = None
    version_id: str | None = None


#: Search attributes of runs -> their Temporal type. All are optional: a namespace without them serves as well.
SEARCH_ATTRIBUTES: dict[str, Literal["Keyword", "KeywordList", "Datetime", "Int"]] = {
    "TidegateDialect": "Keyword",
    "TidegateOrganisation": "Keyword",
    "TidegateDefinition": "Keyword",
    "TidegateVersion": "Int",
    "TidegateWaitingFor": "KeywordList",
    "TidegateWaitSince": "Datetime",
    "TidegateWaitDeadline": "Datetime",
}


# Activities of the interpreter's own; executors are activities under their own names.
RESOLVE_CHILDREN = "tidegate_resolve_children"
AWAIT_RUNS = "tidegate_await_runs"
RESUME_RUNS = "tidegate_resume_runs"
CANCEL_RUN = "tidegate_cancel_run"
RESUME_RUN = "tidegate_resume_run"

#: Type of the failure of a call that its worker, being stopped, gives up; its details hold the number of the attempt.
WORKER_STOPPING = "worker-stopping"


@dataclass
class ResolveChildren:
    """Argument of RESOLVE_CHILDREN: find and compile the definitions of children, and check their inputs."""

    organisation: str
    dialect: str
    starts: list[ChildStart]


@dataclass
class ResolvedChild:
    key: str
    definition_id: str
    definition_name: str
    version_id: str
    version_number: int


@dataclass
class ResolvedChildren:
    """`definitions` maps version id -> compiled definition, so that many children of one version carry it once.

    `children` are the first ones of those asked for, as many as fit: the others are to be asked for again.
    """

    definitions: dict[str, dict[str, Any]]
    children: list[ResolvedChild]


@dataclass
class ClosedRun:
    """How a run ended: result of AWAIT_RUNS for each that has."""

    workflow_id: str
    status: str
    output: Any = None
    error: str | None = None


# --- correlated events ---

MAILBOX_WORKFLOW = "TidegateMailbox"
#: Update of a mailbox: post an event. Signals of a mailbox: a run waits; a run waits no more.
POST = "tidegate:post"
REGISTER = "tidegate:register"
WITHDRAW = "tidegate:withdraw"
#: Local activities of the interpreter, and activities.
REGISTER_WAIT = "tidegate_register_wait"
WITHDRAW_WAIT = "tidegate_withdraw_wait"
SEND_EVENT = "tidegate_send_event"
USE_STORE = "tidegate_use_store"
RUN_CODE = "tidegate_run_code"
#: Activity of a mailbox: give an event to a run, which alone decides whether it still waits.
HAND_OVER = "tidegate_hand_over"

VALUE_WORKFLOW = "TidegateValue"
#: Update of a value: set, delete or increment it.
CHANGE_VALUE = "tidegate:change-value"
CLAIM_WORKFLOW = "TidegateClaim"


@dataclass
class MailboxAddress:
    """Name and key of an event; the mailbox's id follows from it (`ids.mailbox_workflow_id`)."""

    organisation: str
    dialect: str
    name: str
    key: str | None = None


@dataclass
class Waiter:
    """A wait that is registered: which run, which of its visits, since and until when (None: never)."""

    workflow_id: str
    wait_id: str
    since: str
    deadline: str | None = None
    #: How often the wait has gone on after an event that was not what it waits for.
    round: int = 0


@dataclass
class RegisterWait:
    """Argument of REGISTER_WAIT and WITHDRAW_WAIT."""

    address: MailboxAddress
    waiter: Waiter


@dataclass
class PostEvent:
    """Argument of POST. `retention` and `window` are seconds: how long an unmatched event, and how long its idempotency
    key, is kept. `wait` asks for the outcome (matched or buffered) instead of a bare acceptance."""

    id: str
    payload: Any = None
    has_payload: bool = False
    idempotency_key: str | None = None
    deliver: Literal["one", "all"] = "one"
    retention: float = 30 * 86_400.0
    window: float = 86_400.0
    wait: bool = False


@dataclass
class PostOutcome:
    """`accepted`: durable, not yet decided (not asked for). `runs` are the runs that took it; `until` says how long a
    buffered one is kept. `event_id` is the first one's for a duplicate."""

    event_id: str
    outcome: Literal["accepted", "matched", "buffered"]
    runs: list[str] = field(default_factory=list)
    until: str | None = None
    duplicate: bool = False


@dataclass
class SendEvent:
    """Argument of SEND_EVENT."""

    address: MailboxAddress
    event: PostEvent


@dataclass
class UseStore:
    """Argument of USE_STORE; `id` makes a repeated attempt of the same change count once.

    `expires_at` is a timestamp.
    """

    organisation: str
    dialect: str
    operation: Literal["get", "set", "delete", "increment"]
    key: str
    id: str
    value: Any = None
    expires_at: str | None = None


@dataclass
class CodeCall:
    """Argument of RUN_CODE: run the handler from its top until it needs something new.

    `done` are the results of its completed steps and waits, by their id (name and occurrence): {id: value}.
    """

    shim: str
    handler: str
    source: str
    context: CallContext
    payload: Any = None
    done: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1
    #: Id -> what was thrown, or its text, by the steps that have failed in this attempt of the run, and whose failure
    #: the handler has caught.
    failed: dict[str, Any] = field(default_factory=dict)
    #: Seconds that the code may take.
    timeout: float = 60.0


@dataclass
class CodeResult:
    """What the handler came to.

    `step`: a new step has ended (`id`, `value`), or has failed (`id`, `error`, `value`: what was thrown) and the
    handler has caught that; `wait`: it waits (`id`, `wait`); `return`: it has ended (`value`); `threw`: it, or a step
    in it (`id`), has failed (`error` and, unless it simply threw, `code`). `wait` is {event, key, timeout, onTimeout};
    the timeout is in seconds or null.
    """

    kind: Literal["step", "wait", "return", "threw"]
    id: str | None = None
    value: Any = None
    error: str | None = None
    wait: dict[str, Any] | None = None
    logs: list[str] = field(default_factory=list)
    code: str | None = None


# --- code, when it is registered ---

INSPECT_WORKFLOW = "TidegateInspect"
INSPECT_CODE = "tidegate_inspect_code"


@dataclass
class InspectCode:
    """Argument of INSPECT_WORKFLOW and INSPECT_CODE: run the outermost code of a source, to see what it registers."""

    shim: str
    source: str


@dataclass
class InspectedCode:
    """The names that a source registers; or why it cannot be used: `code` and `error`."""

    names: list[str] = field(default_factory=list)
    code: str | None = None
    error: str | None = None
    unsupported: bool = False


# --- actions in branches, and links that resume them ---

RUN_ACTION = "tidegate_run_action"
#: Update of a run: use its store. Query of a run: what became of a branch.
RUN_STORE = "tidegate:run-store"
OUTCOME = "tidegate:outcome"
#: The name of an event that comes by a link: it is for the one wait that the link names.
LINK = "tidegate:link"


def first_branch(step: str) -> str:
    """The id of the branch that a step begins with, when it is visited for the first time."""
    return f"{step}#1.0"


@dataclass
class ActionCall:
    """Argument of RUN_ACTION. `branch` names the visit: the links that the action makes are for waits `<branch>.<n>`,
    n counting its plans from 1, so that a repetition makes the same ones."""

    context: CallContext
    action: str
    branch: str
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    shim: str | None = None
    source: str | None = None
    operations: dict[str, list[dict[str, Any]]] | None = None
    #: Chain depth: the first action has 0.
    depth: int = 0
    #: Run at the end of the run: it may not plan anything. `error` is why the run has failed.
    hook: bool = False
    error: str | None = None
    test: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    timeout: float = 300.0


@dataclass
class Plan:
    """What an action has planned: `action` with `payload`, `later` after `seconds`, or when a `link` is called, which
    holds until `expires_at`. `number` counts the plans of one visit from 1."""

    kind: Literal["later", "link"]
    number: int
    action: str
    payload: Any = None
    seconds: float = 0.0
    expires_at: str | None = None


@dataclass
class ActionResult:
    """What an action came to. `response` is an HTTP answer that it gave instead of a value: {status, headers: [[name,
    value]], body (base64)}. `error` is why it failed, for good; what it had planned until then counts."""

    value: Any = None
    response: dict[str, Any] | None = None
    error: str | None = None
    code: str | None = None
    plans: list[Plan] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)


@dataclass
class StoreChange:
    """Argument of RUN_STORE. `get` gives the value or null, `push` and `set` and `delete` nothing, `increment` the new
    number. The same `id` again is answered as the first time."""

    id: str
    operation: Literal["get", "set", "push", "increment", "delete"]
    key: str
    value: Any = None


@dataclass
class BranchOutcome:
    """Answer of OUTCOME. `pending`: not ended yet, or not known. `output` is {value} or {value, response}."""

    state: Literal["pending", "success", "failure"]
    output: Any = None
    error: str | None = None


# --- events that start runs ---

TOPIC_WORKFLOW = "TidegateTopic"
#: Updates of a topic: a definition may listen from now on; it listens no more. Signal: events that nobody heard.
SUBSCRIBE = "tidegate:subscribe"
UNSUBSCRIBE = "tidegate:unsubscribe"
UNHEARD = "tidegate:unheard"
FAN_OUT_WORKFLOW = "TidegateFanOut"
#: Activity of a fan-out, local or not: start the runs of some of its listeners.
START_LISTENERS = "tidegate_start_listeners"
#: Activity of the interpreter's own: what a `publish` step asks for.
PUBLISH = "tidegate_publish"


@dataclass
class PublishEvent:
    """An event for every workflow that listens to its name.

    `event_id` and `name` make a repetition known, for as long as Temporal keeps closed workflows; an empty id makes an
    event of its own. `received_at` is a timestamp; empty: now. `lineage` are the runs that led here, see `RunFacts`.
    `source` is the run that has published it, if one has. With `repeats`, a repetition with another payload is answered
    as the first was, instead of being a conflict.
    """

    organisation: str
    dialect: str
    name: str
    payload: Any = None
    has_payload: bool = False
    event_id: str = ""
    received_at: str = ""
    lineage: dict[str, int] = field(default_factory=dict)
    source: str = ""
    repeats: bool = False


@dataclass
class StartedRun:
    """A run that an event starts. It may not be there yet, but it will."""

    run_id: str
    definition_id: str
    definition_name: str
    version_number: int


@dataclass
class RefusedListener:
    """A listener that an event does not start, since its payload does not fit."""

    definition_id: str
    definition_name: str
    reason: str


@dataclass
class Published:
    """What became of an event. `duplicate`: this is the answer to an earlier one with the same id."""

    event_id: str
    started: list[StartedRun] = field(default_factory=list)
    refused: list[RefusedListener] = field(default_factory=list)
    duplicate: bool = False


@dataclass
class UnheardEvent:
    """An event's name that nobody listened to: how often, and when first and last. `listeners` may hear it now."""

    event: str
    count: int
    first: str
    last: str
    listeners: int = 0


@dataclass
class PublishRequest:
    """Argument of PUBLISH. `own` is the definition of the run that publishes; with `watch`, an event is refused once
    more than so many runs of it, as the worker's settings say, have led here.

    `key` ([correlation key]): also for a run that waits for name and key. `target` (a run's id, or its KSUID): for that
    run only.
    """

    event: PublishEvent
    own: str
    watch: bool = False
    key: list[str | None] | None = None
    target: str | None = None


@dataclass
class PublishResult:
    """Answer of PUBLISH. `posted` is there with a key, `delivered` with a target."""

    event_id: str
    started: list[str] = field(default_factory=list)
    refused: list[RefusedListener] = field(default_factory=list)
    posted: PostOutcome | None = None
    delivered: DeliveryOutcome | None = None
