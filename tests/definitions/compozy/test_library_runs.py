"""The examples, run from start to end; the two with waits are in `test_waits`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from definitions.contract import PostEvent
from definitions.errors import InputInvalid
from tests.definitions.compozy.running import Workflows
from tests.running import DIALECT
from tests.worker.activities.local_server import LocalServer, Page, Received, page

LIBRARY = Path(__file__).parents[3] / "definitions" / "library" / "compozy"


def text(name: str) -> str:
    return (LIBRARY / name).read_text(encoding="utf-8")


def people(request: Received) -> Page:
    name = request.json()["name"]
    return page({"error": "not found"} if name == "nobody" else {"name": name})


def model(request: Received) -> Page:
    asked = request.json()["messages"]
    assert asked[0]["content"] == "You write short letters in the language en."
    content = asked[1]["content"].split("\n")[0].replace("Write to", "Dear")
    return page({"choices": [{"message": {"content": content}}]})


@pytest.mark.parametrize(
    ("given", "letters"),
    [
        (["ada", "", "nobody", "bob"], ["Dear Ada.", "Dear Bob."]),
        (["nobody"], []),
        ([], []),
    ],
)
async def test_enrichment(flows: Workflows, web: LocalServer, given: list[str], letters: list[str]) -> None:
    web.on("/people", people)
    web.on("/v1/chat/completions", model)
    output = await flows.output(text("enrichment.json"), {"people": given, "site": web.url()})
    assert output == {"letters": letters}


async def test_order_sender(flows: Workflows) -> None:
    orders = [{"id": f"o{n}", "total": n} for n in range(3)]
    snapshot = await flows.ended(text("order-sender.yaml"), {"orders": orders})
    assert snapshot.output == {"sent": 3}
    sent: list[dict[str, Any]] = snapshot.data["tasks"]["announce"]["output"]["outputs"]
    assert all(one["signal_dispatched"] is True for one in sent)
    assert len({one["signal_id"] for one in sent}) == 3


async def test_order_receiver(flows: Workflows) -> None:
    small = await flows.output(text("order-receiver.yaml"), {"id": "o1", "total": 9.5})
    assert small == {"order": "o1", "worth": "9.5 EUR"}
    run_id = await flows.start(text("order-receiver.yaml"), {"id": "o2", "total": 2000, "currency": "CHF"})
    await flows.runs.parked(run_id)
    event = PostEvent(id="e1", payload={"accepted": False}, has_payload=True)
    await flows.runs.tidegate.post_event(DIALECT, flows.runs.organisation, "order-decision", "o2", event)
    snapshot = await flows.runs.ended(run_id)
    assert snapshot.output == {"order": "o2", "worth": "2000 CHF"}
    assert snapshot.data["tasks"]["ask"]["output"] == {"accepted": False}


@pytest.mark.parametrize(
    ("name", "given"),
    [("order-receiver.yaml", {"id": "o1"}), ("order-receiver.yaml", []), ("wait-task.yaml", None)],
)
async def test_an_input_has_to_fit(flows: Workflows, name: str, given: Any) -> None:
    with pytest.raises(InputInvalid):
        await flows.start(text(name), given)
