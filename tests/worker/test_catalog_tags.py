"""Changes of several tags of a definition at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from definitions.errors import AlreadyExists, NotFound, TooLarge
from tests.worker.catalog_fixtures import DIALECT, Shop, new_shop
from worker.catalog import MAX_TAGS


@pytest.fixture
async def shop(temporal_client: Client) -> AsyncIterator[Shop]:
    shop = new_shop(temporal_client)
    async with shop.worker():
        yield shop


async def test_several_tags_change_at_once(shop: Shop) -> None:
    facts = await shop.register("order")
    definition_id = facts.definition_id
    for text in ("a", "b"):
        await shop.add(definition_id, text)

    async def change(tags: dict[str, int], *remove: str, **given: str) -> dict[str, int]:
        await shop.catalog.change_tags(DIALECT, shop.organisation, definition_id, tags, remove, **given)
        return (await shop.describe(definition_id)).tags

    assert await change({"live": 1, "old": 1}) == {"live": 1, "old": 1}
    assert await change({"live": 2}, "old", "never-there") == {"live": 2}
    assert (await shop.describe(definition_id)).moved["live"].number == 1
    assert await change({"live": 2}, "old") == {"live": 2}
    with pytest.raises(AlreadyExists):
        await change({"other": 1}, "live", unless="live")
    with pytest.raises(NotFound):
        await change({"other": 3}, "live")
    with pytest.raises(NotFound):
        await change({"other": 1}, "live", only="other")
    assert (await shop.describe(definition_id)).tags == {"live": 2}
    assert await change({}, "live", only="live") == {}
    # What was removed has never been moved, once it is set again.
    assert await change({"live": 1}, unless="live") == {"live": 1}
    assert (await shop.describe(definition_id)).moved == {}


async def test_of_many_changes_unless_a_tag_is_there_one_is_made(shop: Shop) -> None:
    facts = await shop.register("order")
    await shop.add(facts.definition_id, "a")
    claims = (
        shop.catalog.change_tags(DIALECT, shop.organisation, facts.definition_id, {"live": 1}, unless="live")
        for _ in range(10)
    )
    made = await asyncio.gather(*claims, return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["AlreadyExists"] * 9 + ["NoneType"]


async def test_a_change_of_tags_is_bounded(shop: Shop) -> None:
    facts = await shop.register("order")
    await shop.add(facts.definition_id, "a")

    async def change(tags: dict[str, int], *remove: str) -> None:
        await shop.catalog.change_tags(DIALECT, shop.organisation, facts.definition_id, tags, remove)

    await change({f"t{n}": 1 for n in range(MAX_TAGS)})
    with pytest.raises(TooLarge):
        await change({"more": 1})
    await change({"more": 1}, "t0")
    with pytest.raises(TooLarge):
        await change({"x" * 300: 1}, "t1")
