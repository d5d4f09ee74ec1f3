"""The vendor's words, and what they stand for: tables only."""

from __future__ import annotations

from typing import Literal

from definitions.durations import Grammar

DIALECT = "stackshift"
#: The tag of the version that new runs use.
LIVE_TAG = "current"
#: What the code of a job finds as the vendor's module: see `worker/sandbox`.
SHIM = "stackshift"

#: The one step of a job that is written as code, and its label.
HANDLER, HANDLER_LABEL = "handler", "job"

DURATIONS = Grammar({"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}, example="24h")
ON_TIMEOUT: dict[str, Literal["fail", "continue", "cancel"]] = {
    "fail": "fail",
    "continue": "continue",
    "cancel": "cancel",
}
DELIVER = ("one", "all")

#: Attempts of a run that does not say how many, and the most that it can ask for.
DEFAULT_ATTEMPTS = 3
ATTEMPTS_LIMIT = 100
#: Seconds before the second attempt, how much longer each further pause is, and the longest pause.
FIRST_PAUSE, PAUSE_FACTOR, LONGEST_PAUSE = 1.0, 2.0, 60.0
