"""Names of events: they belong to a project, so that one project's events start no other's workflows."""

from __future__ import annotations

#: Characters of an event's name, as people write it.
EVENT_LIMIT = 120


def scoped(project: str, event: str) -> str:
    """The name under which a project's event is published: `shop/sku_reorder`."""
    return f"{project}/{event}"


def own(project: str, name: str) -> str | None:
    """The event as its project calls it; None if it is another project's."""
    return name.removeprefix(f"{project}/") if name.startswith(f"{project}/") else None
