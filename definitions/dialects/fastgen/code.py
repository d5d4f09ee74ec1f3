"""Custom code: JavaScript or TypeScript that the sandbox runs."""

from __future__ import annotations

import re

from definitions import checks
from definitions.dialects.fastgen import words
from definitions.dialects.fastgen.actions import Action, Context, Made, has_keys, seconds_of
from definitions.json_path import child
from definitions.model import CodeStep

CODE_LIMIT = 200_000

_EXPORT = re.compile(r"^[ \t]*export\s+(default\b|\{|async\b|function\b|const\b|let\b|class\b)", re.MULTILINE)
#: How the data is named in code, or looked at under a name that is computed.
_BRIDGE = re.compile(r"\bfastgen\b|\bglobalThis\b|\beval\b|\bFunction\b")


def source_of(code: str) -> str:
    """The module that is run: the code, if it exports something, else the code as a function's body, from line 1."""
    return code if _EXPORT.search(code) else f"export default async function () {{ {code}\n}}"


def custom_code(action: Action, context: Context) -> Made:
    if not has_keys(action, context, ("language", "code"), ("timeout",)):
        return None
    config, report = action.config, context.report
    _check_language(action, context)
    code, at = config["code"], child(action.at, "code")
    good = isinstance(code, str) and 0 < len(code) <= CODE_LIMIT
    if not checks.expect(good, at, report, "code-invalid", f"expected text of 1 to {CODE_LIMIT} characters"):
        return None
    timeout = seconds_of(action, context, words.CODE_SECONDS, words.CODE_SECONDS_LIMIT)
    roots = words.ROOTS[context.names.kind]
    data = {root: f"{{{{${root}}}}}" for root in roots} if _BRIDGE.search(code) else {}
    return CodeStep(
        shim=words.SHIM,
        handler="default",
        source=source_of(code),
        timeout=timeout,
        # Code that does not name the bridge needs no data, which would be a part of the run's record.
        input=context.names.value(data, action.at),
        save=action.save,
    )


def _check_language(action: Action, context: Context) -> None:
    language, at = action.config["language"], child(action.at, "language")
    if isinstance(language, str) and language.lower() in words.LANGUAGES_UNSUPPORTED:
        message = f"Tidegate runs JavaScript and TypeScript, and no {language!r}"
        context.report.add("language-unsupported", at, message, unsupported=True)
    else:
        checks.is_word(language, words.LANGUAGES, at, context.report, "language-unknown")
