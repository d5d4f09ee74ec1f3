"""The vendor's words, and what they stand for: tables only."""

from __future__ import annotations

from definitions.durations import Grammar

DIALECT = "jsworkflows"
#: The tag of the version that new runs use. A workflow without it has been deleted, or was never quite created.
LIVE_TAG = "current"
#: What a workflow class finds as the vendor's API: see `worker/sandbox`.
SHIM = "jsworkflows"

#: The one step of a compiled workflow: its actions are branches of it.
STEP = "w"
START, COMPLETED, FAILED = "start", "onWorkflowComplete", "onWorkflowError"
#: Run at the end of a run; nothing may lead to them.
HOOKS = (COMPLETED, FAILED)

HTTP = "http"
#: Triggers of the vendor's that Tidegate does not serve.
OTHER_TRIGGERS = ("shopify", "shopify-webhook", "shopify-flow", "webhook", "schedule", "email", "manual")

_UNITS = (
    (("sec", "second", "seconds"), 1),
    (("min", "minute", "minutes"), 60),
    (("hr", "hour", "hours"), 3_600),
    (("day", "days"), 86_400),
    (("week", "weeks"), 604_800),
)
#: In small letters; how they are written otherwise does not matter.
DURATIONS = Grammar({f" {name}": seconds for names, seconds in _UNITS for name in names}, example="24 hours")

DAY = 86_400
#: Seconds: how long a link holds, if nothing is said; and how long a key is taken.
DEFAULT_TIMEOUT, DEFAULT_WINDOW = DAY, DAY
#: Seconds, least and most.
TIMEOUT, DELAY, WINDOW = (1, 30 * DAY), (10, 400 * DAY), (1, 400 * DAY)

#: How a link is followed by GET: at once, or by a button of the page that it shows.
GET = {"direct": False, "confirm": True}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


def secret_name(workflow: str, name: str) -> str:
    """What a secret of a workflow is called among those of the organisation."""
    return f"{DIALECT}/{workflow}/{name}"
