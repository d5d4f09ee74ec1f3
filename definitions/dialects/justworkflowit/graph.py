"""The steps as a graph: which can be reached, in what order, and which lie on every way to a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Graph = Mapping[str, Sequence[str]]


def reachable(start: str, following: Graph) -> list[str]:
    """The steps that can be reached, earlier ones and earlier branches first (reverse postorder)."""
    order: list[str] = []
    seen = {start}
    stack = [(start, reversed(following[start]))]
    while stack:
        name, targets = stack[-1]
        target = next((t for t in targets if t not in seen), None)
        if target is None:
            order.append(name)
            stack.pop()
        else:
            seen.add(target)
            stack.append((target, reversed(following[target])))
    return order[::-1]


def preceding(order: Sequence[str], following: Graph) -> dict[str, list[str]]:
    """Step -> the reachable steps that can come directly before it."""
    before: dict[str, list[str]] = {name: [] for name in order}
    for name in order:
        for target in following[name]:
            before[target].append(name)
    return before


def always_before(order: Sequence[str], following: Graph) -> dict[str, list[str]]:
    """Step -> the steps that every way to it passes, in order: what these leave behind is there for sure.

    These are a flow graph's dominators; sets are bit masks, so that a thousand steps take no time.
    """
    bits = {name: 1 << index for index, name in enumerate(order)}
    before = preceding(order, following)
    everything = (1 << len(order)) - 1
    passed = {name: everything for name in order} | {order[0]: bits[order[0]]}
    changed = True
    while changed:
        changed = False
        for name in order[1:]:
            common = everything
            for source in before[name]:
                common &= passed[source]
            if common | bits[name] != passed[name]:
                passed[name] = common | bits[name]
                changed = True
    return {name: [n for n in order if n != name and passed[name] & bits[n]] for name in order}


def way_around(start: str, end: str, avoided: str, following: Graph) -> list[str]:
    """A shortest way from start to end that does not pass `avoided`; empty if there is none."""
    came_from: dict[str, str] = {start: ""}
    queue = [] if start == avoided else [start]
    for name in queue:
        if name == end:
            way = [end]
            while came_from[way[-1]]:
                way.append(came_from[way[-1]])
            return way[::-1]
        for target in following[name]:
            if target not in came_from and target != avoided:
                came_from[target] = name
                queue.append(target)
    return []
