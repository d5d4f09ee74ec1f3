"""Steps as a graph, against a plain search of all ways."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from definitions.dialects.justworkflowit.graph import always_before, preceding, reachable, way_around

NAMES = "abcdef"
graphs = st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3, unique=True) for name in NAMES})


def ways(graph: dict[str, list[str]], way: list[str]) -> list[list[str]]:
    """All ways from the first step that pass no step twice."""
    longer = [more for target in graph[way[-1]] if target not in way for more in ways(graph, [*way, target])]
    return [way, *longer]


@given(graphs)
def test_what_is_always_before_is_on_every_way(graph: dict[str, list[str]]) -> None:
    order = reachable("a", graph)
    found = ways(graph, ["a"])
    assert set(order) == {way[-1] for way in found}
    before = always_before(order, graph)
    for name in order:
        passed = [set(way[:-1]) for way in found if way[-1] == name]
        assert set(before[name]) == set.intersection(*passed)
        assert all(order.index(earlier) < order.index(name) for earlier in before[name])


@given(graphs, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_way_around_is_a_way_and_goes_around(graph: dict[str, list[str]], end: str, avoided: str) -> None:
    way = way_around("a", end, avoided, graph)
    possible = [w for w in ways(graph, ["a"]) if w[-1] == end and avoided not in w]
    assert bool(way) == bool(possible)
    if way:
        assert way in possible
        assert len(way) == min(map(len, possible))


@given(graphs)
def test_preceding_is_following_turned_round(graph: dict[str, list[str]]) -> None:
    order = reachable("a", graph)
    before = preceding(order, graph)
    assert {(x, y) for y in before for x in before[y]} == {(x, y) for x in order for y in graph[x]}
