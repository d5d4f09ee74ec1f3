"""Queries."""

from __future__ import annotations

from definitions.dialects.fastgen.actions import Action, Context, Made


def database_query(action: Action, context: Context) -> Made:
    return None
