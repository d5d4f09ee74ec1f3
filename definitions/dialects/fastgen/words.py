"""The vendor's words, and what they stand for: tables only."""

from __future__ import annotations

from definitions.durations import Sum

DIALECT = "fastgen"
#: The tag of the version that is deployed.
LIVE_TAG = "live"
#: While a definition has this tag, on whichever version, no event starts it.
INACTIVE_TAG = "inactive"
#: What custom code finds as its bridge to the data: see `worker/sandbox`.
SHIM = "fastgen"
#: The project of a document that names none.
DEFAULT_PROJECT = "default"

WORKFLOW, ROUTE = "workflow", "route"
KINDS = (WORKFLOW, ROUTE)

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HTTP_METHODS = (*METHODS, "HEAD", "OPTIONS")
NO_AUTHENTICATION, API_TOKEN = "none", "apiToken"
AUTHENTICATIONS = (NO_AUTHENTICATION, API_TOKEN)
#: Ways to authenticate that the vendor has, but Tidegate has not.
AUTHENTICATIONS_UNSUPPORTED = ("user", "session", "userSession", "endUser")

#: Root of an expression -> where it is found in a run's data.
EVERYWHERE = {"action": "action", "var": "var"}
ROOTS: dict[str, dict[str, str]] = {
    WORKFLOW: {"param": "param", **EVERYWHERE},
    ROUTE: {
        "body": "request.body",
        "query": "request.query",
        "path": "request.path",
        "header": "request.header",
        "bodyRaw": "request.bodyRaw",
        **EVERYWHERE,
    },
}
#: Roots that the vendor has, or is likely to have, but Tidegate has not.
ROOTS_UNSUPPORTED = ("user", "file", "env", "secret")
#: Roots whose first key is found in any case.
CASELESS = frozenset({"header"})

#: Actions that the vendor has, but Tidegate has not.
ACTIONS_UNSUPPORTED = ("email", "sendEmail", "user", "session", "createUser", "updateUser", "deleteUser", "file")

LANGUAGES = ("javascript", "typescript", "node16", "node18", "node20", "node22")
LANGUAGES_UNSUPPORTED = ("python", "python3.8", "python3.9", "python3.10", "python3.11", "python3.12")

DURATIONS = Sum(
    {
        "ms": 0.001,
        **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
        **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
        **dict.fromkeys(("h", "hour", "hours"), 3_600),
        **dict.fromkeys(("d", "day", "days"), 86_400),
        **dict.fromkeys(("w", "week", "weeks"), 604_800),
    },
    example="1h 30m",
)

#: Actions of one definition, those inside others included, and how deep they may be inside each other.
ACTIONS_LIMIT, DEPTH_LIMIT = 300, 20
#: Characters of the name of an action or a variable, of a workflow or route, and of a project.
ACTION_NAME_LIMIT, NAME_LIMIT, PROJECT_LIMIT = 100, 100, 60
#: Items that a loop goes through.
ITEMS_LIMIT = 10_000

#: Seconds: of a request, of a query and of code, and the most of each.
HTTP_SECONDS, HTTP_SECONDS_LIMIT = 60.0, 900.0
QUERY_SECONDS, QUERY_SECONDS_LIMIT = 30.0, 300.0
CODE_SECONDS, CODE_SECONDS_LIMIT = 60.0, 300.0
#: Seconds that an activity may take beyond what its call may.
SLACK_SECONDS = 30.0
#: Further attempts of a request that got no answer.
RETRIES, RETRIES_LIMIT = 2, 10
#: Rows of a query, and the most.
ROWS, ROWS_LIMIT = 1_000, 10_000
