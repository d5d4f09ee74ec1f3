"""Reads lists of actions: their form, their names and the keys that these give."""

from __future__ import annotations

from typing import Any

from definitions import checks
from definitions.dialects.fastgen import words
from definitions.dialects.fastgen.actions import ACTIONS, Action
from definitions.dialects.fastgen.scope import key_of
from definitions.json_path import child
from definitions.report import Report

IF, LOOP = "if", "loop"
#: Type -> the lists of actions inside.
INNER: dict[str, tuple[str, ...]] = {IF: ("true", "false"), LOOP: ("actions",)}
TYPES = (*ACTIONS, "customCode", "databaseQuery", *INNER)


class Reader:
    """`found` has every action by its key, in order; what is wrong is in the report."""

    def __init__(self, report: Report) -> None:
        self.found: dict[str, Action] = {}
        self._report = report
        self._seen: dict[str, str] = {}

    def read(self, raw: Any, path: str, depth: int = 0) -> list[Action]:
        """The actions of a list, with those inside of them."""
        if not checks.expect(isinstance(raw, list), path, self._report, "actions-invalid", "expected a list"):
            return []
        if (raw and depth > words.DEPTH_LIMIT) or len(self._seen) + len(raw) > words.ACTIONS_LIMIT:
            limits = f"at most {words.ACTIONS_LIMIT} actions, nested at most {words.DEPTH_LIMIT} deep"
            self._report.add("actions-too-many", path, limits)
            return []
        read = [self._action(one, child(path, index), depth) for index, one in enumerate(raw)]
        return [action for action in read if action is not None]

    def _action(self, raw: Any, path: str, depth: int) -> Action | None:
        if not checks.is_object(raw, path, self._report, "action-invalid"):
            return None
        kind = raw.get("type")
        if "type" in raw and not self._check_type(kind, child(path, "type")):
            self._key(raw, path)
            return None
        inner = INNER.get(kind, ()) if isinstance(kind, str) else ()
        required = ("name", "type", *(("actions",) if kind == LOOP else ()))
        good = checks.has_keys(raw, required, ("config", "description", *inner), path, self._report)
        key, config = self._key(raw, path), raw.get("config", {})
        good = checks.is_object(config, child(path, "config"), self._report, "config-invalid") and good
        inside = {way: self.read(raw.get(way, []), child(path, way), depth + 1) for way in inner}
        if not good or key is None:
            return None
        action = Action(key, raw["name"], str(kind), config, path, inside)
        self.found.setdefault(key, action)
        return action

    def _check_type(self, kind: Any, path: str) -> bool:
        if isinstance(kind, str) and kind in words.ACTIONS_UNSUPPORTED:
            message = f"Tidegate has no action {kind!r}"
            self._report.add("action-type-unsupported", path, message, unsupported=True)
            return False
        return checks.is_word(kind, TYPES, path, self._report, "action-type-unknown")

    def _key(self, raw: dict[str, Any], path: str) -> str | None:
        """The key of an action, which no other one has."""
        name, at = raw.get("name"), child(path, "name")
        if "name" not in raw:
            return None
        longest = words.ACTION_NAME_LIMIT
        good = isinstance(name, str) and len(name) <= longest and name.isprintable() and any(map(str.isalnum, name))
        message = f"expected 1 to {longest} printable characters, one of them a letter or digit"
        if not checks.expect(good, at, self._report, "action-name-invalid", message):
            return None
        key = key_of(str(name))
        if key in self._seen:
            message = f"its key {key!r} is that of {self._seen[key]} as well: two actions need two names"
            self._report.add("action-key-repeated", at, message)
        self._seen.setdefault(key, path)
        return key

    @property
    def keys(self) -> list[str]:
        """The keys of all actions, also of those that something is wrong with."""
        return list(self._seen)
