"""Definitions, versions, tags and secrets on a real server: what callers are promised."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from definitions.contract import MEMO
from definitions.errors import AlreadyExists, NotFound, TooLarge, Unavailable
from definitions.ids import secret_workflow_id, version_number
from tests.worker.catalog_fixtures import DIALECT, Shop, new_shop
from worker.catalog import MAX_TAGS, MAX_TEXT_BYTES
from worker.catalog_client import CatalogClient


@pytest.fixture
async def shop(temporal_client: Client) -> AsyncIterator[Shop]:
    shop = new_shop(temporal_client)
    async with shop.worker():
        yield shop


async def test_a_registered_definition_is_described_and_listed_at_once(shop: Shop) -> None:
    facts = await shop.register("order")
    assert (facts.name, facts.organisation, facts.dialect, facts.latest, facts.tags) == (
        "order", shop.organisation, DIALECT, 0, {},
    )  # fmt: skip
    assert await shop.describe(facts.definition_id) == facts
    another_replica = CatalogClient(shop.client, shop.queue)
    assert await another_replica.list_definitions(DIALECT, shop.organisation) == [facts]


async def test_definitions_are_listed_by_name_and_of_one_organisation_only(shop: Shop) -> None:
    other = new_shop(shop.client)
    names = ["b", "a", "Z", "ä"]
    await asyncio.gather(*(shop.register(name) for name in names), other.register("foreign"))
    listed = await shop.catalog.list_definitions(DIALECT, shop.organisation)
    assert [facts.name for facts in listed] == sorted(names)
    assert await shop.catalog.list_definitions("another-dialect", shop.organisation) == []


async def test_a_name_is_taken_once_and_a_repeated_request_gets_its_answer(shop: Shop) -> None:
    first = await shop.register("order", request_id="r1")
    assert await shop.register("order", request_id="r1") == first
    for request_id in ("r2", ""):
        with pytest.raises(AlreadyExists):
            await shop.register("order", request_id=request_id)


async def test_an_empty_request_id_is_no_request_id(shop: Shop) -> None:
    facts = await shop.register("order")
    with pytest.raises(AlreadyExists):
        await shop.register("order")
    assert (await shop.add(facts.definition_id, "a")).number == 1
    assert (await shop.add(facts.definition_id, "a")).number == 2


async def test_of_twenty_registrations_at_once_one_wins(shop: Shop) -> None:
    results = await asyncio.gather(*(shop.register("order", f"r{n}") for n in range(20)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert sum(isinstance(result, AlreadyExists) for result in results) == 19


async def test_versions_are_numbered_kept_and_read_back(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    texts = ['{"a": 1}', '{"a": "ä\\ud800"}', "x" * MAX_TEXT_BYTES]
    added = [await shop.add(definition_id, text) for text in texts]
    assert [version.number for version in added] == [1, 2, 3]
    assert [version_number(definition_id, version.version_id) for version in added] == [1, 2, 3]
    fresh = CatalogClient(shop.client, shop.queue)
    assert [version.text for version in await fresh.list_versions(DIALECT, shop.organisation, definition_id)] == (
        texts[::-1]
    )
    assert await fresh.get_version(DIALECT, shop.organisation, definition_id, 2) == added[1]
    assert (await shop.describe(definition_id)).latest == 3


async def test_the_largest_text_is_accepted_whatever_it_is_made_of(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    for text in ("\x01" * MAX_TEXT_BYTES, "é" * (MAX_TEXT_BYTES // 2)):
        assert (await shop.add(definition_id, text)).text == text
    with pytest.raises(TooLarge):
        await shop.add(definition_id, "x" * (MAX_TEXT_BYTES + 1))
    assert (await shop.add(definition_id, "x")).number == 3


async def test_twenty_versions_at_once_get_twenty_numbers(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    added = await asyncio.gather(*(shop.add(definition_id, f"text {n}", f"r{n}") for n in range(20)))
    assert sorted(version.number for version in added) == list(range(1, 21))
    assert sorted(version.text for version in added) == sorted(f"text {n}" for n in range(20))
    assert await shop.numbers(definition_id) == list(range(20, 0, -1))


async def test_the_same_request_gives_the_same_version_later_and_at_once(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    at_once = await asyncio.gather(*(shop.add(definition_id, "a", "r1") for _ in range(5)))
    await shop.add(definition_id, "b", "r2")
    later = await shop.add(definition_id, "a", "r1")
    assert {version.number for version in [*at_once, later]} == {1}
    assert (await shop.describe(definition_id)).latest == 2


async def test_a_request_id_of_any_length_is_kept(shop: Shop) -> None:
    long = "r" * 50_000
    first = await shop.register("order", request_id=long)
    assert await shop.register("order", request_id=long) == first
    assert [(await shop.add(first.definition_id, "a", long)).number for _ in range(2)] == [1, 1]


async def test_a_version_equal_to_the_tagged_one_is_not_added(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a", unless_tag="live")
    await shop.tag(definition_id, "live", 1)
    assert (await shop.add(definition_id, "a", "r1", unless_tag="live")).number == 1
    assert (await shop.add(definition_id, "a", unless_tag="other")).number == 2
    assert (await shop.add(definition_id, "b", unless_tag="live")).number == 3
    await shop.tag(definition_id, "live", 3)
    assert (await shop.add(definition_id, "a", "r1", unless_tag="live")).number == 1, "the first answer again"
    assert (await shop.add(definition_id, "a", "r2", unless_tag="live")).number == 4


async def test_a_tag_points_to_an_existing_version(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a")
    await shop.add(definition_id, "b")
    for number in (0, -1, 3):
        with pytest.raises(NotFound):
            await shop.tag(definition_id, "live", number)
    for number in (1, 2, 2):
        await shop.tag(definition_id, "live", number)
        assert (await shop.describe(definition_id)).tags == {"live": number}


async def test_tags_cannot_fill_the_memo(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a")
    with pytest.raises(TooLarge):
        await shop.tag(definition_id, "t" * 10_000, 1)
    for start in range(0, MAX_TAGS, 10):
        await asyncio.gather(*(shop.tag(definition_id, f"t{n}", 1) for n in range(start, start + 10)))
    with pytest.raises(TooLarge):
        await shop.tag(definition_id, "one more", 1)
    await shop.tag(definition_id, "t0", 1)


async def test_setting_the_same_tag_again_writes_nothing(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    await shop.add(definition_id, "a")
    await shop.tag(definition_id, "live", 1)
    await shop.tag(definition_id, "live", 1)
    history = await shop.client.get_workflow_handle(shop.entity(definition_id)).fetch_history()
    changes = [event for event in history.events if event.HasField("workflow_properties_modified_event_attributes")]
    assert len(changes) == 2, "one for the version, one for the tag"


async def test_what_does_not_exist_is_not_found(shop: Shop) -> None:
    unknown = "00000000-0000-8000-8000-000000000000"
    known = (await shop.register()).definition_id
    calls = [
        shop.describe(unknown),
        shop.numbers(unknown),
        shop.add(unknown, "a"),
        shop.tag(unknown, "live", 1),
        shop.catalog.get_version(DIALECT, shop.organisation, known, 1),
        new_shop(shop.client).describe(known),
        shop.catalog.get_secret(shop.organisation, "none"),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call


async def test_forty_versions_at_once_are_all_registered_once(shop: Shop) -> None:
    definition_id = (await shop.register()).definition_id
    versions = await asyncio.gather(*(shop.add(definition_id, f"text {n}") for n in range(40)))
    assert sorted(version.number for version in versions) == list(range(1, 41))
    assert (await shop.describe(definition_id)).latest == 40


async def test_reads_and_registrations_need_no_worker_and_changes_say_who_is_away(temporal_client: Client) -> None:
    shop = new_shop(temporal_client)
    async with shop.worker():
        definition_id = (await shop.register()).definition_id
        await shop.add(definition_id, "a")
    alone = CatalogClient(temporal_client, shop.queue, rpc_seconds=1.0)
    assert (await alone.describe_definition(DIALECT, shop.organisation, definition_id)).latest == 1
    assert (await alone.list_versions(DIALECT, shop.organisation, definition_id))[0].text == "a"
    assert (await alone.register_definition(DIALECT, shop.organisation, "another")).name == "another"
    for change in (
        alone.add_version(DIALECT, shop.organisation, definition_id, "b", "hash"),
        alone.set_tag(DIALECT, shop.organisation, definition_id, "live", 1),
    ):
        begun = time.monotonic()
        with pytest.raises(Unavailable) as refused:
            await change
        assert refused.value.part == "worker"
        assert time.monotonic() - begun < 3


async def test_a_secret_is_kept_and_replaced(shop: Shop) -> None:
    await shop.catalog.put_secret(shop.organisation, "KEY", "sealed 1")
    assert await shop.catalog.get_secret(shop.organisation, "KEY") == "sealed 1"
    await shop.catalog.put_secret(shop.organisation, "KEY", "sealed 2")
    assert await shop.catalog.get_secret(shop.organisation, "KEY") == "sealed 2"
    with pytest.raises(NotFound):
        await shop.catalog.get_secret(new_shop(shop.client).organisation, "KEY")


async def test_a_secret_is_never_missing_while_it_is_replaced(shop: Shop) -> None:
    await shop.catalog.put_secret(shop.organisation, "KEY", "sealed 1")
    replacing = asyncio.create_task(shop.catalog.put_secret(shop.organisation, "KEY", "sealed 2"))
    while not replacing.done():
        assert await shop.catalog.get_secret(shop.organisation, "KEY") in ("sealed 1", "sealed 2")
    await replacing
    handle = shop.client.get_workflow_handle(secret_workflow_id(shop.organisation, "KEY"))
    assert MEMO not in await (await handle.describe()).memo(), "lists of executions carry memos along"
