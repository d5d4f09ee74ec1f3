"""Custom code."""

from __future__ import annotations

from definitions.dialects.fastgen.actions import Action, Context, Made


def custom_code(action: Action, context: Context) -> Made:
    return None
