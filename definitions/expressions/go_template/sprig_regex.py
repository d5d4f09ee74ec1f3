"""Sprig's functions on regular expressions: RE2's, which take linear time.

A pattern that is no good is an error for all of them (for sprig's `regexMatch` it just does not match).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from definitions.expressions import regex
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import utf8

_REFERENCE = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)
_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
#: Units for a pattern that is refused; instructions compiled, and steps of the slowest engine, in a unit of work.
_REFUSED, _COMPILED, _STEPS = 5_000, 8, 256


def _prepared(run: Run, pattern: str, text: str) -> Any:
    """The pattern, after its work on the text is paid for. Raises ValueError for a bad one."""
    run.spend(1 + len(pattern))
    utf8(text)
    try:
        compiled = regex.compile(pattern, groups=True)
    except ValueError:
        run.spend(_REFUSED)
        raise
    size = int(compiled.programsize)
    run.spend(size // _COMPILED + len(text) // 16 + len(text) * size // _STEPS)
    return compiled


def _matches(run: Run, pattern: str, text: str, limit: int = -1) -> Iterator[Any]:
    """At most so many matches; an empty one right after another match does not count."""
    compiled = _prepared(run, pattern, text)
    end, count = -1, 0
    if limit == 0:
        return
    for match in compiled.finditer(text):
        run.spend(2)
        if match.end() == match.start() == end:
            continue
        end = match.end()
        yield match
        count += 1
        if count == limit:
            return


def _find_all(run: Run, pattern: str, text: str, count: int) -> list[str]:
    return [match.group() for match in _matches(run, pattern, text, count)]


def _find(run: Run, pattern: str, text: str) -> str:
    match = _prepared(run, pattern, text).search(text)
    return match.group() if match else ""


def _replaced(run: Run, pattern: str, text: str, template: str, expand: bool) -> str:
    parts: list[str] = []
    at = 0
    for match in _matches(run, pattern, text):
        parts += [text[at : match.start()], _expanded(match, template) if expand else template]
        run.spend_text(len(parts[-1]) + len(parts[-2]))
        at = match.end()
    return "".join([*parts, text[at:]])


def _expanded(match: Any, template: str) -> str:
    """`$1`, `${1}`, `$name` and `${name}` stand for groups, `$$` for a dollar; an unknown group is empty."""

    def reference(found: re.Match[str]) -> str:
        if found.group(1):
            return "$"
        name = found.group(2) or found.group(3)
        if name.isdigit():
            return (match.group(int(name)) or "") if len(name) < 4 and int(name) <= match.re.groups else ""
        return (match.group(name) or "") if name in match.re.groupindex else ""

    return _REFERENCE.sub(reference, template)


def _split(run: Run, pattern: str, text: str, count: int) -> list[str]:
    if count == 0:
        return []
    if pattern and not text:
        return [""]
    parts: list[str] = []
    begin = end = 0
    for match in _matches(run, pattern, text, count):
        if 0 < count == len(parts) + 1:
            break
        end = match.start()
        if match.end():
            parts.append(text[begin:end])
        begin = match.end()
    if end != len(text):
        parts.append(text[begin:])
    return parts


_ONCE: dict[str, Function] = {
    "regexMatch": fn("ss", lambda run, pattern, text: _prepared(run, pattern, text).search(text) is not None),
    "regexFindAll": fn("ssi", _find_all),
    "regexFind": fn("ss", _find),
    "regexReplaceAll": fn("sss", lambda run, pattern, text, new: _replaced(run, pattern, text, new, True)),
    "regexReplaceAllLiteral": fn("sss", lambda run, pattern, text, new: _replaced(run, pattern, text, new, False)),
    "regexSplit": fn("ssi", _split),
}

REGEX: dict[str, Function] = {
    **_ONCE,
    **{f"mustR{name[1:]}": function for name, function in _ONCE.items()},
    "regexQuoteMeta": pure("s", lambda text: _META.sub(r"\\\1", text)),
}
