"""Versions compiled before: a version never changes, so only its first use here costs time, and that in a thread."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from definitions.dialects import justworkflowit as language
from definitions.model import Definition
from worker.client import team_executors

KEPT = 256

_compiled: OrderedDict[str, Definition] = OrderedDict()


async def compiled(text: str) -> Definition:
    """The definition that a registered version's text stands for. Raises DefinitionError."""
    found = _compiled.get(text)
    if found is None:
        # A large one takes up to a second.
        found = await asyncio.to_thread(language.compile_text, text, executors=team_executors())
        _compiled[text] = found
        if len(_compiled) > KEPT:
            _compiled.popitem(last=False)
    return found
